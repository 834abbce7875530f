-- ARGV: id, then field and value of everything that is set. Answers 'done' or 'unknown'.
local key = P .. 'torrent:' .. ARGV[1]
if redis.call('HEXISTS', key, 'info_hash') == 0 then return 'unknown' end
if #ARGV > 1 then redis.call('HSET', key, unpack(ARGV, 2)) end
return 'done'
