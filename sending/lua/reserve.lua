-- ARGV: pace key, how many, growth. Returns {server time, start, interval}: new slots for messages
-- that missed theirs. Empty when the rate is not known.
local key, n = ARGV[1], tonumber(ARGV[2])
local pace = read_pace(key)
if not pace.rate or tonumber(pace.rate) <= 0 then return {} end
local t = now()
local rate = rate_at(pace, t, tonumber(ARGV[3]))
local start = math.max(tonumber(pace.tat or 0), t)
redis.call('HSET', pace_of(key), 'tat', text(start + n / rate))
return {text(t), text(start), text(1 / rate)}
