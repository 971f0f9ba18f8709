-- ARGV: pace key, slots not used, end of the lease, interval, lookahead. The day's budget gets them
-- back in any case; the time only when nobody has reserved behind them.
local key, n, finish = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local pace = read_pace(key)
if pace.awaited then redis.call('HINCRBY', pace_of(key), 'awaited', n) end
if pace.bulk then redis.call('HINCRBY', pace_of(key), 'bulk', n) end
local tat = tonumber(pace.tat or 0)
if math.abs(tat - finish) > 0.000005 then return 0 end
tat = tat - n * tonumber(ARGV[4])
redis.call('HSET', pace_of(key), 'tat', text(tat))
if redis.call('ZSCORE', WHEEL, key) then
  due_by(key, math.max(now(), tat - tonumber(ARGV[5])))
end
return 1
