-- ARGV: growth, seconds from now before which no slot may lie, then pace key and how many, for each
-- key. New slots for messages that missed theirs. Returns {key, start, interval} for each key whose
-- rate is known.
local growth, soonest = tonumber(ARGV[1]), now() + tonumber(ARGV[2])
local slots = {}
for i = 3, #ARGV, 2 do
  local key, n = ARGV[i], tonumber(ARGV[i + 1])
  local pace = read_pace(key)
  if pace.rate and tonumber(pace.rate) > 0 then
    local rate = rate_at(pace, now(), growth)
    local start = math.max(tonumber(pace.tat or 0), soonest)
    redis.call('HSET', pace_of(key), 'tat', text(start + n / rate))
    slots[#slots + 1] = {key, text(start), text(1 / rate)}
  end
end
return slots
