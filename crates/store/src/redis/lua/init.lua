-- Makes an empty database ready. ARGV: the layout's version, the default role as JSON.
-- Answers the version that is there, or 'foreign'.
local version = redis.call('GET', P .. 'version')
if version then return version end
if redis.call('EXISTS', P .. 'checkpoint', P .. 'roles', P .. 'users', P .. 'torrents') > 0 then
  return 'foreign'
end
redis.call('SET', P .. 'version', ARGV[1])
redis.call('SET', P .. 'checkpoint', 0)
redis.call('HSET', P .. 'roles', 1, ARGV[2])
return ARGV[1]
