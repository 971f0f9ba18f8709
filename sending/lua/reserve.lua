-- ARGV: growth, seconds, seconds, then for each key: pace key, seconds by which sends were late,
-- messages that missed their slots, slots wanted. What was late moves the free slots; what missed
-- is without one again. Slots are given that come between so many seconds from now.
-- Returns {key, start, interval, how many, next free slot} for each key whose rate is known.
local growth, t = tonumber(ARGV[1]), now()
local first, last = t + tonumber(ARGV[2]), t + tonumber(ARGV[3])
local given = {}
for i = 4, #ARGV, 4 do
  local key = ARGV[i]
  local late, missed, wanted = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local pace = read_pace(key)
  if pace.rate and tonumber(pace.rate) > 0 then
    local rate = rate_at(pace, t, growth)
    local tat = tonumber(pace.tat or 0) + late
    local start, n = math.max(tat, first), 0
    if start <= last then n = math.min(wanted, math.floor((last - start) * rate) + 1) end
    if n > 0 then tat = start + n / rate end
    local out = math.max(0, tonumber(pace.out or 0) + missed - n)
    redis.call('HSET', pace_of(key), 'tat', text(tat), 'out', out)
    given[#given + 1] = {key, text(start), text(1 / rate), n, text(tat)}
  end
end
return given
