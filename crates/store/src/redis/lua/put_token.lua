-- ARGV: user id, torrent id, the token as JSON. Answers 'done', 'user' or 'torrent'.
if redis.call('EXISTS', P .. 'user:' .. ARGV[1]) == 0 then return 'user' end
if redis.call('EXISTS', P .. 'torrent:' .. ARGV[2]) == 0 then return 'torrent' end
redis.call('HSET', P .. 'tokens:' .. ARGV[1], ARGV[2], ARGV[3])
redis.call('ZADD', P .. 'tokens', ARGV[1], ARGV[1])
return 'done'
