-- Shared by all scripts. KEYS[1] is the prefix of all keys.
local P = KEYS[1]
-- Below this, sums of Lua's numbers (doubles) are exact.
local EXACT = 9007199254740992
local LARGEST = '9223372036854775807'

-- Why a field is no counter, or nil. A field that is missing counts as 0.
local function not_a_counter(value)
  if not value then return nil end
  local number = tonumber(value)
  if number and number >= 0 and number < EXACT and number % 1 == 0 then return nil end
  local canonical = string.find(value, '^[1-9]%d*$')
  if canonical and (#value < 19 or (#value == 19 and value <= LARGEST)) then return nil end
  return 'is not a whole number from 0 to ' .. LARGEST
end

-- Adds beyond doubles: HINCRBY counts in 64 bits and says when that is not enough.
local function add_large(key, field, value, delta)
  local number = tonumber(value or 0)
  if number < EXACT then redis.call('HSET', key, field, string.format('%.0f', number)) end
  if type(delta) == 'number' then delta = string.format('%.0f', delta) end
  local sum = redis.pcall('HINCRBY', key, field, delta)
  if type(sum) == 'table' then
    redis.call('HSET', key, field, LARGEST)
  elseif sum < 0 then
    redis.call('HSET', key, field, 0)
  end
end
