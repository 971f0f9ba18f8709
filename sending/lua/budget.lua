-- ARGV: pace key, unclaimed, awaited, bulk ("" for no limit). Sets what the day's quota still allows.
-- What was taken within the last `unclaimed` seconds may be in no row yet, so whoever counted rows
-- may have missed it: until then a budget only falls.
local key, unclaimed = ARGV[1], tonumber(ARGV[2])
local pace = read_pace(key)
local fresh = pace.taken_at and now() - tonumber(pace.taken_at) < unclaimed
for i, name in ipairs({'awaited', 'bulk'}) do
  local left = tonumber(ARGV[2 + i])
  if not left then
    redis.call('HDEL', pace_of(key), name)
  else
    if fresh and pace[name] then left = math.min(left, tonumber(pace[name])) end
    redis.call('HSET', pace_of(key), name, left)
  end
end
return 1
