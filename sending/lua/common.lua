-- What every script shares. {send} is the hash tag: all keys of a shard live in one cluster slot.
--   wheel            sorted set of pace keys by the time their next mail is due (server time, s)
--   pace:<key>       hash: rate, lease, ahead, tat, rests, cut, cut_at, taken_at, throttles,
--                    awaited, bulk, until, lane
--                    ahead: seconds before its slot that a message may be taken
--                    tat: theoretical arrival time, when the next free slot is (GCRA)
--                    rests: nothing may leave until then
--                    cut: share of the rate that is used since a throttle; it grows back
--                    taken_at: when ids were last taken
--                    awaited, bulk: what the day's quota still allows; absent means no limit
--                    until, lane: this lane and those after it are parked until then
--   ring:<key>:<n>   list of the batches of lane n that have ids waiting, in turn
--   ids:<batch>      list of message ids that wait
--   cursor:<batch>   highest id taken into ids; absent when PostgreSQL has no more behind it
local WHEEL = '{send}:wheel'
local LANES = 4

local function pace_of(key) return '{send}:pace:' .. key end
local function ring_of(key, lane) return '{send}:ring:' .. key .. ':' .. lane end
local function ids_of(batch) return '{send}:ids:' .. batch end
local function cursor_of(batch) return '{send}:cursor:' .. batch end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local function text(seconds) return string.format('%.6f', seconds) end

-- The rate in use at time t: the scheduled one, times the cut that grows back.
local function rate_at(pace, t, growth)
  local cut = tonumber(pace.cut or 1)
  if cut < 1 then
    cut = math.min(1, cut + math.max(0, t - tonumber(pace.cut_at)) * growth)
  end
  return tonumber(pace.rate) * cut, cut
end

local function read_pace(key)
  local names = {'rate', 'lease', 'ahead', 'tat', 'rests', 'cut', 'cut_at', 'awaited',
                 'bulk', 'until', 'lane', 'taken_at'}
  local values = redis.call('HMGET', pace_of(key), unpack(names))
  local pace = {}
  for i, name in ipairs(names) do
    if values[i] then pace[name] = values[i] end
  end
  return pace
end

-- When the next message of the key may be taken.
local function due(pace, tat, t)
  return math.max(t, tat - tonumber(pace.ahead or 0))
end

-- Makes the key due at t, or earlier if it already is.
local function due_by(key, t)
  redis.call('ZADD', WHEEL, 'LT', text(t), key)
end

-- Makes the key due when its next slot may be taken.
local function due_for_slot(key)
  local pace = read_pace(key)
  due_by(key, due(pace, tonumber(pace.tat or 0), now()))
end

-- Puts ids of a batch into its list and the batch into the ring of its lane.
local function enqueue(key, lane, batch, ids, command)
  local before = redis.call('LLEN', ids_of(batch))
  for first = 1, #ids, 5000 do
    redis.call(command, ids_of(batch), unpack(ids, first, math.min(first + 4999, #ids)))
  end
  if before == 0 and #ids > 0 then
    redis.call(command, ring_of(key, lane), batch)
  end
end

-- Nothing of a key leaves for `seconds`.
local function rest(key, pace, t, seconds)
  local rests = math.max(tonumber(pace.rests or 0), t + seconds)
  local tat = math.max(tonumber(pace.tat or 0), rests)
  redis.call('HSET', pace_of(key), 'tat', text(tat), 'rests', text(rests))
  redis.call('ZADD', WHEEL, 'XX', 'GT', text(tat), key)
end
