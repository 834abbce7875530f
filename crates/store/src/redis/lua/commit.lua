-- The one step by which a batch becomes part of the store: its staged chunks are renamed, so that
-- from now on they are folded in whatever happens, and the checkpoint moves.
-- ARGV: the batch's number, the header of the staged chunks, their count, the last number that
-- this writer knows to be in the store.
local number, count, acknowledged = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
local checkpoint = redis.call('GET', P .. 'checkpoint')
if not checkpoint or tonumber(checkpoint) < acknowledged then return 'behind' end
if redis.call('EXISTS', P .. 'batch:committed') == 1 then return 'folding' end
if tonumber(checkpoint) >= number then return 'repeated' end
local staging = P .. 'batch:staging'
if redis.call('LINDEX', staging, 0) ~= ARGV[2] or redis.call('LLEN', staging) ~= count + 1 then
  return 'staging'
end
redis.call('LPOP', staging)
if count > 0 then redis.call('RENAME', staging, P .. 'batch:committed') end
redis.call('SET', P .. 'checkpoint', ARGV[1])
return 'committed'
