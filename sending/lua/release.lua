-- ARGV: pace key and how many, for each key: taken, and given back without a slot. The day's budget
-- gets them back, too.
local t = now()
for i = 1, #ARGV, 2 do
  local key, n = ARGV[i], tonumber(ARGV[i + 1])
  local pace = read_pace(key)
  if pace.awaited then redis.call('HINCRBY', pace_of(key), 'awaited', n) end
  if pace.bulk then redis.call('HINCRBY', pace_of(key), 'bulk', n) end
  pace.out = math.max(0, tonumber(pace.out or 0) - n)
  redis.call('HSET', pace_of(key), 'out', pace.out)
  if redis.call('ZSCORE', WHEEL, key) then due_by(key, due(pace, t)) end
end
return 1
