-- What every script shares. {send} is the hash tag: all keys of a shard live in one cluster slot.
--   wheel            sorted set of pace keys by the time their next mail is due (server time, s)
--   pace:<key>       hash: rate, lease, ahead, tat, out, rests, cut, cut_at, taken_at, throttles,
--                    awaited, bulk, until, lane
--                    ahead: so many seconds of mail may be taken that has no slot yet
--                    tat: theoretical arrival time, when the next free slot is (GCRA)
--                    out: how many are taken and have no slot yet
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
local AWAITED = 2  -- lanes below are of mail that somebody waits for
-- Whoever took mail asks for its slots as soon as they are free. Slots that were free for so many
-- seconds, with mail out, are those of a worker that is gone.
local LOST = 0.5

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
  local names = {'rate', 'lease', 'ahead', 'tat', 'out', 'rests', 'cut', 'cut_at', 'awaited',
                 'bulk', 'until', 'lane', 'taken_at'}
  local values = redis.call('HMGET', pace_of(key), unpack(names))
  local pace = {}
  for i, name in ipairs(names) do
    if values[i] then pace[name] = values[i] end
  end
  return pace
end

local function out_at(pace, t)
  if t - tonumber(pace.tat or 0) > LOST then return 0 end
  return tonumber(pace.out or 0)
end

-- When the next message of the key may be taken, within a second, for the rate may change. Awaited
-- mail does not wait for the bulk before it.
local function due(pace, t, awaited)
  local rate = tonumber(pace.rate or 0)
  if rate <= 0 then return t end
  local ahead = tonumber(pace.ahead) * (awaited and 2 or 1)
  local slot = math.max(t, tonumber(pace.tat or 0)) + out_at(pace, t) / rate
  return math.max(t, math.min(slot - ahead, t + 1))
end

-- Makes the key due at t, or earlier if it already is.
local function due_by(key, t)
  redis.call('ZADD', WHEEL, 'LT', text(t), key)
end

-- Makes the key due when what waits in a lane may be taken.
local function due_for_lane(key, lane)
  due_by(key, due(read_pace(key), now(), tonumber(lane) < AWAITED))
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
