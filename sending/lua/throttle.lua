-- ARGV: pace key, factor, floor, growth, pause. AIMD: nothing leaves for `pause` seconds, then
-- the rate is lower by `factor` and grows back. What else is refused within the pause was in flight
-- already and cuts no further.
local key = ARGV[1]
local factor, floor, growth, pause =
  tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local pace = read_pace(key)
redis.call('HINCRBY', pace_of(key), 'throttles', 1)
if not pace.rate then return 0 end
local t = now()
if pace.cut_at and t < tonumber(pace.cut_at) then return 0 end
local _, cut = rate_at(pace, t, growth)
redis.call('HSET', pace_of(key),
  'cut', tostring(math.max(floor, cut * factor)),
  'cut_at', text(t + pause))
rest(key, pace, t, pause)
return 1
