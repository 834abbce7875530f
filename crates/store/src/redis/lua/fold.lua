-- Takes the first committed chunk and adds its rows, in one step. Answers how many chunks are left.
-- A row that was fine when it was checked and is not any more (another program has changed its
-- record since) goes to the list of refused rows.
local text = redis.call('LPOP', P .. 'batch:committed')
if not text then return 0 end
local chunk = cjson.decode(text)

local function refuse(row, reason)
  local values = {}
  for index, value in ipairs(row) do
    if type(value) == 'number' then
      values[index] = string.format('%.0f', value)
    else
      values[index] = '"' .. tostring(value) .. '"'
    end
  end
  redis.call('RPUSH', P .. 'batch:refused', chunk.table, '[' .. table.concat(values, ',') .. ']',
    reason)
end

local function register(row)
  local reason = registered_refusal(row)
  if reason then return refuse(row, reason) end
  redis.call('HSET', P .. 'torrent:' .. row[1], 'info_hash', row[2], 'created_at_seconds', row[3])
  redis.call('ZADD', P .. 'torrents', row[1], row[1])
  redis.call('HSET', P .. 'torrents:info_hash', row[2], row[1])
end

-- Appends field and sum to `out`, or writes a sum beyond doubles itself.
local function add(out, key, field, value, delta)
  local number = value and number_of(value) or 0
  if type(delta) == 'number' and number < EXACT and number + delta < EXACT then
    local sum = number + delta
    local limit = chunk.limits and chunk.limits[field]
    if limit and sum > limit then sum = limit end
    out[#out + 1] = field
    out[#out + 1] = sum
  else
    add_large(key, field, value, delta)
  end
end

local function set(out, names, row, place)
  for index = 1, #names do
    out[#out + 1] = names[index]
    out[#out + 1] = row[place + index]
  end
end

local function fold(row)
  local key = key_of(chunk, row)
  local fields, reason = read_row(chunk, key, row)
  if not fields then return refuse(row, reason) end
  local out, place, read = {}, chunk.ids, 2
  local sums, sets = chunk.sums, chunk.sets
  for index = 1, #sums do
    local delta = row[place + index]
    if delta ~= 0 then
      read = read + 1
      add(out, key, sums[index], fields[read], delta)
    end
  end
  place = place + #sums
  set(out, sets, row, place)
  local announced_at, before = row[#row], fields[2]
  if not before or announced_at >= number_of(before) then
    set(out, chunk.newer, row, place + #sets)
    out[#out + 1] = 'announced_at_seconds'
    out[#out + 1] = announced_at
  end
  if chunk.table == 'history' and not before then
    out[#out + 1] = 'first_announced_at_seconds'
    out[#out + 1] = announced_at
    call('SADD', P .. 'user:' .. row[1] .. ':torrents', row[2])
    call('SADD', P .. 'torrent:' .. row[2] .. ':users', row[1])
  end
  if #out > 0 then call('HSET', key, unpack(out)) end
end

for _, row in ipairs(chunk.rows) do
  if chunk.table == 'registered' then register(row) else fold(row) end
end
return redis.call('LLEN', P .. 'batch:committed')
