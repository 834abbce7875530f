-- ARGV: name, passkey, role id, the id wanted or '', then field and value of everything else.
-- Answers the new id, or what stands against it.
local name, passkey, role_id = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HEXISTS', P .. 'users:name', name) == 1 then return 'name' end
if redis.call('HEXISTS', P .. 'users:passkey', passkey) == 1 then return 'passkey' end
if redis.call('HEXISTS', P .. 'roles', role_id) == 0 then return 'role' end
local last = redis.call('ZREVRANGE', P .. 'users', 0, 0)[1]
local id = tonumber(ARGV[4]) or tonumber(last or 0) + 1
if id > 4294967295 then return 'full' end
local key = P .. 'user:' .. id
if redis.call('EXISTS', key) == 1 then return 'id' end
redis.call('HSET', key, 'name', name, 'passkey', passkey, 'role_id', role_id,
  unpack(ARGV, 5))
redis.call('ZADD', P .. 'users', id, id)
redis.call('HSET', P .. 'users:name', name, id)
redis.call('HSET', P .. 'users:passkey', passkey, id)
return id
