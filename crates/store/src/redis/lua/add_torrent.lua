-- ARGV: info hash, second info hash or '', the id from which the tracker chooses itself,
-- the id wanted or '', then field and value of everything else. Answers the new id, 'full', 'id' if
-- the id is taken, or the info hash that is.
local first, second = ARGV[1], ARGV[2]
for _, info_hash in ipairs({ first, second }) do
  if redis.call('HEXISTS', P .. 'torrents:info_hash', info_hash) == 1 then return info_hash end
end
local last = redis.call('ZREVRANGEBYSCORE', P .. 'torrents', '(' .. ARGV[3], '-inf', 'LIMIT', 0, 1)
local wanted = tonumber(ARGV[4])
local id = wanted or tonumber(last[1] or 0) + 1
if not wanted and id >= tonumber(ARGV[3]) then return 'full' end
local key = P .. 'torrent:' .. id
if redis.call('EXISTS', key) == 1 then return 'id' end
redis.call('HSET', key, 'info_hash', first, unpack(ARGV, 5))
redis.call('ZADD', P .. 'torrents', id, id)
redis.call('HSET', P .. 'torrents:info_hash', first, id)
if second ~= '' then
  redis.call('HSET', key, 'info_hash_v2', second)
  redis.call('HSET', P .. 'torrents:info_hash', second, id)
end
return id
