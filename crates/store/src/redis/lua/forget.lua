-- ARGV: keys of torrents and histories. Nobody is in their swarms any more. What is no hash is
-- nobody's record, and is left as it is.
local fields = { 'seeders', 'leechers', 'active' }
for _, key in ipairs(ARGV) do
  local values = redis.pcall('HMGET', key, unpack(fields))
  for index = 1, values.err and 0 or #fields do
    local value = values[index]
    if value and value ~= '0' then redis.call('HSET', key, fields[index], 0) end
  end
end
return redis.status_reply('OK')
