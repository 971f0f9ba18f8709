-- ARGV: pace key, lane, batch, lookahead, "back" or "front", ids...
-- Ids wait at the back; what a worker returns goes to the front, in its old order.
local key, lane, batch, lookahead, place = unpack(ARGV, 1, 5)
local ids = {}
if place == 'front' then
  for i = #ARGV, 6, -1 do ids[#ids + 1] = ARGV[i] end
else
  for i = 6, #ARGV do ids[#ids + 1] = ARGV[i] end
end
enqueue(key, lane, batch, ids, place == 'front' and 'LPUSH' or 'RPUSH')
local tat = tonumber(redis.call('HGET', pace_of(key), 'tat') or 0)
due_by(key, math.max(now(), tat - tonumber(lookahead)))
return #ids
