-- ARGV: limit, growth. Serves pace keys in the order they are due until `limit` ids
-- are taken or nothing is due. They have no slots yet: reserve.lua gives them.
-- Returns {server time, seconds until more is due (-1: nothing waits), keys whose rate is not
-- known, keys whose day's quota is used up, leases}; a lease is
-- {key, interval, {batch, lane, ids left, has cursor, ids...}...}.
local limit, growth = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = now()
local leases, unknown, spent = {}, {}, {}

-- Takes up to n ids, one batch after the other; an even share for each batch of a lane.
local function pop(key, first_closed, n)
  local groups, popped = {}, 0
  for lane = 0, first_closed - 1 do
    local ring = ring_of(key, lane)
    local batches = redis.call('LLEN', ring)
    local share = math.max(1, math.floor((n - popped) / math.max(1, batches)))
    while popped < n do
      local batch = redis.call('LPOP', ring)
      if not batch then break end
      local ids = redis.call('LPOP', ids_of(batch), math.min(share, n - popped)) or {}
      local left = redis.call('LLEN', ids_of(batch))
      if left > 0 then redis.call('RPUSH', ring, batch) end
      if #ids > 0 then
        popped = popped + #ids
        groups[#groups + 1] = {
          batch, lane, left, redis.call('EXISTS', cursor_of(batch)), unpack(ids)
        }
      end
    end
  end
  return groups, popped
end

local function waits(key, from, to)
  for lane = from, to do
    if redis.call('EXISTS', ring_of(key, lane)) == 1 then return true end
  end
  return false
end

-- How many ids of which lanes may leave now: the first closed lane, and the number.
local function allowed(pace, n)
  local closed = LANES
  local parked = pace['until'] and tonumber(pace['until']) > t
  if parked then closed = tonumber(pace.lane) end
  local dry = false
  if pace.bulk and tonumber(pace.bulk) <= 0 and closed > AWAITED then
    closed, dry = AWAITED, true
  end
  if pace.awaited then
    if tonumber(pace.awaited) <= 0 and closed > 0 then closed, dry = 0, true end
    n = math.min(n, math.max(0, tonumber(pace.awaited)))
  end
  if closed > AWAITED and pace.bulk then n = math.min(n, math.max(0, tonumber(pace.bulk))) end
  return closed, n, parked, dry
end

-- Notes that n ids of the key are taken.
local function count_out(key, pace, n)
  local out = out_at(pace, t)
  -- The slots until now were nobody's.
  if out == 0 then pace.tat = math.max(tonumber(pace.tat or 0), t) end
  pace.out = out + n
  redis.call('HSET', pace_of(key), 'tat', text(pace.tat), 'out', pace.out, 'taken_at', text(t))
  if pace.awaited then redis.call('HINCRBY', pace_of(key), 'awaited', -n) end
  if pace.bulk then redis.call('HINCRBY', pace_of(key), 'bulk', -n) end
end

for _ = 1, 500 do
  if limit <= 0 then break end
  local head = redis.call('ZRANGE', WHEEL, 0, 0, 'WITHSCORES')
  if #head == 0 then break end
  local key = head[1]
  if tonumber(head[2]) > t then break end
  local pace = read_pace(key)
  if not pace.rate then
    unknown[#unknown + 1] = key
    redis.call('ZADD', WHEEL, text(t + 1), key)
  elseif tonumber(pace.rate) <= 0 then
    redis.call('ZADD', WHEEL, text(t + 10), key)
  else
    local rate, cut = rate_at(pace, t, growth)
    local lease = math.max(1, math.ceil(tonumber(pace.lease) * cut))
    local closed, n, parked, dry = allowed(pace, math.min(limit, lease))
    local open = closed
    if due(pace, t) > t then open = math.min(open, AWAITED) end
    if due(pace, t, true) > t then open = 0 end
    local groups, popped = pop(key, open, n)
    if popped > 0 then
      count_out(key, pace, popped)
      limit = limit - popped
      leases[#leases + 1] = {key, text(1 / rate), unpack(groups)}
    end
    if waits(key, 0, math.min(closed, AWAITED) - 1) then
      redis.call('ZADD', WHEEL, text(due(pace, t, true)), key)
    elseif waits(key, AWAITED, closed - 1) then
      redis.call('ZADD', WHEEL, text(due(pace, t)), key)
    elseif waits(key, closed, LANES - 1) then
      if dry then spent[#spent + 1] = key end
      local again = (parked and not dry) and tonumber(pace['until']) or t + 1
      redis.call('ZADD', WHEEL, text(again), key)
    else
      redis.call('ZREM', WHEEL, key)
    end
  end
end
local head = redis.call('ZRANGE', WHEEL, 0, 0, 'WITHSCORES')
local wait = #head == 0 and -1 or math.max(0, tonumber(head[2]) - t)
return {text(t), text(wait), unknown, spent, leases}
