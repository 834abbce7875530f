-- ARGV: id, a new name, passkey and role id or '', bytes to add to uploaded and downloaded (also
-- negative), then field and value of everything else that is set.
-- Answers 'done', 'unknown', or what stands against it.
local id, name, passkey, role_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = P .. 'user:' .. id
if redis.call('HEXISTS', key, 'role_id') == 0 then return 'unknown' end

local function taken(index, value)
  local owner = value ~= '' and redis.call('HGET', index, value)
  return owner and owner ~= id
end

if taken(P .. 'users:name', name) then return 'name' end
if taken(P .. 'users:passkey', passkey) then return 'passkey' end
if role_id ~= '' and redis.call('HEXISTS', P .. 'roles', role_id) == 0 then return 'role' end

local function rename(field, index, value)
  if value == '' then return end
  local old = redis.call('HGET', key, field)
  if old then redis.call('HDEL', index, old) end
  redis.call('HSET', index, value, id)
  redis.call('HSET', key, field, value)
end

local function give(field, delta)
  if delta == '0' then return end
  local value = redis.call('HGET', key, field)
  local reason = not_a_counter(value)
  if reason then error(field .. ' ' .. reason) end
  add_large(key, field, value, delta)
end

rename('name', P .. 'users:name', name)
rename('passkey', P .. 'users:passkey', passkey)
if role_id ~= '' then redis.call('HSET', key, 'role_id', role_id) end
if #ARGV > 6 then redis.call('HSET', key, unpack(ARGV, 7)) end
give('uploaded', ARGV[5])
give('downloaded', ARGV[6])
return 'done'
