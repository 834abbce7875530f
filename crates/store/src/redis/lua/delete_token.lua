-- ARGV: user id, torrent id. Answers how many were deleted.
local key = P .. 'tokens:' .. ARGV[1]
local deleted = redis.call('HDEL', key, ARGV[2])
if redis.call('EXISTS', key) == 0 then redis.call('ZREM', P .. 'tokens', ARGV[1]) end
return deleted
