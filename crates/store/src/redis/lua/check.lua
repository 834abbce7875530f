-- Which rows of a staged chunk would be refused. ARGV[1]: its place in the staging list.
-- Answers {place of the row from 1, reason, id of a torrent that is missing or 0, …}; changes
-- nothing.
local text = redis.call('LINDEX', P .. 'batch:staging', ARGV[1])
if not text then return redis.error_reply('ERR the staged batch is gone') end
local chunk = cjson.decode(text)
local refused = {}
local known = {}

local function exists(key)
  if known[key] == nil then known[key] = redis.call('EXISTS', key) == 1 end
  return known[key]
end

local function refuse(place, reason, torrent_id)
  refused[#refused + 1] = place
  refused[#refused + 1] = reason
  refused[#refused + 1] = torrent_id or 0
end

local function check(place, row)
  if chunk.table == 'registered' then
    local reason = registered_refusal(row)
    if reason then refuse(place, reason) end
    return
  end
  if chunk.table == 'history' then
    if not exists(P .. 'user:' .. row[1]) then return refuse(place, 'no such user') end
    if not exists(P .. 'torrent:' .. row[2]) then
      return refuse(place, 'no such torrent', row[2])
    end
  end
  local fields, reason = read_row(chunk, key_of(chunk, row), row)
  if fields then return end
  local missing = chunk.table == 'torrents' and reason == chunk.unknown
  refuse(place, reason, missing and row[1] or 0)
end

for place, row in ipairs(chunk.rows) do check(place, row) end
return refused
