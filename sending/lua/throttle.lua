-- ARGV: pace key, factor, floor, growth, rest. AIMD: the rate falls by `factor`, at most once a
-- second (the messages in flight when SES refuses are refused together), and grows back.
local key = ARGV[1]
local factor, floor, growth, rest =
  tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local pace = read_pace(key)
redis.call('HINCRBY', pace_of(key), 'throttles', 1)
if not pace.rate then return 0 end
local t = now()
if pace.cut_at and t - (tonumber(pace.cut_at) - rest) < 1 then return 0 end
local _, cut = rate_at(pace, t, growth)
redis.call('HSET', pace_of(key),
  'cut', tostring(math.max(floor, cut * factor)),
  'cut_at', text(t + rest),
  'tat', text(math.max(tonumber(pace.tat or 0), t + rest)))
return 1
