-- ARGV: pace key, factor, floor, growth, pause, memory. AIMD: nothing leaves for `pause` seconds, and
-- where that was so within the last `memory` seconds too, the rate is lower by `factor` and grows
-- back. What else is refused within the pause was in flight already and changes nothing further.
local key = ARGV[1]
local factor, floor, growth, pause, memory =
  tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local pace = read_pace(key)
redis.call('HINCRBY', pace_of(key), 'throttles', 1)
if not pace.rate then return 0 end
local t = now()
local before = tonumber(pace.cut_at or 0)
if t < before then return 0 end
local _, cut = rate_at(pace, t, growth)
if t - before < memory then cut = math.max(floor, cut * factor) end
redis.call('HSET', pace_of(key), 'cut', tostring(cut), 'cut_at', text(t + pause))
rest(key, pace, t, pause)
return 1
