-- ARGV: pace key, seconds (0: unpark), first parked lane. Parks lanes, or ends the parking.
local key, seconds = ARGV[1], tonumber(ARGV[2])
local t = now()
if seconds <= 0 then
  redis.call('HDEL', pace_of(key), 'until', 'lane')
else
  redis.call('HSET', pace_of(key), 'until', text(t + seconds), 'lane', ARGV[3])
end
for lane = 0, LANES - 1 do
  if redis.call('EXISTS', ring_of(key, lane)) == 1 then due_by(key, t) end
end
return 1
