-- ARGV: pace key, slots not used, end of the lease, interval. The day's budget gets them back in any
-- case; the time only when nobody has reserved behind them, and not that of a rest.
local key, n, finish = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local pace = read_pace(key)
if pace.awaited then redis.call('HINCRBY', pace_of(key), 'awaited', n) end
if pace.bulk then redis.call('HINCRBY', pace_of(key), 'bulk', n) end
local tat = tonumber(pace.tat or 0)
if math.abs(tat - finish) > 0.000005 then return 0 end
tat = math.max(tat - n * tonumber(ARGV[4]), tonumber(pace.rests or 0))
redis.call('HSET', pace_of(key), 'tat', text(tat))
if redis.call('ZSCORE', WHEEL, key) then
  due_by(key, due(pace, tat, now()))
end
return 1
