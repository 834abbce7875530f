-- The rows of a chunk: {table, key, ids, requires, unknown, sums, limits, sets, newer, rows}; a
-- row is its ids, then one value per name in sums, sets and newer, and the time of the announce.
-- Values from 2^53 on come as text.
local call, pcall, number_of = redis.call, redis.pcall, tonumber

local function key_of(chunk, row)
  if chunk.ids == 2 then return P .. chunk.key .. row[1] .. ':' .. row[2] end
  return P .. chunk.key .. row[1]
end

-- The fields that a row is added to, from the third one on as `names` says, or nil and why the row
-- is refused. What is not added to is not read: most rows change few counters.
local function read_row(chunk, key, row)
  local names, sums, ids = {}, chunk.sums, chunk.ids
  for index = 1, #sums do
    if row[ids + index] ~= 0 then names[#names + 1] = sums[index] end
  end
  local fields = pcall('HMGET', key, chunk.requires or 'announced_at_seconds',
    'announced_at_seconds', unpack(names))
  if fields.err then return nil, fields.err end
  if chunk.requires and not fields[1] then return nil, chunk.unknown end
  for index = 2, #names + 2 do
    local value = fields[index]
    local number = value and number_of(value)
    if value and not (number and number >= 0 and number < EXACT and number % 1 == 0) then
      local reason = not_a_counter(value)
      if reason then return nil, (names[index - 2] or 'announced_at_seconds') .. ' ' .. reason end
    end
  end
  return fields
end

local function registered_refusal(row)
  if call('EXISTS', P .. 'torrent:' .. row[1]) == 1 then return 'the id is taken' end
  if call('HEXISTS', P .. 'torrents:info_hash', row[2]) == 1 then
    return 'the info hash is another torrent\'s'
  end
  return nil
end
