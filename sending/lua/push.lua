-- ARGV: pace key, lane, batch, "back" or "front", ids...
-- Ids wait at the back; what a worker returns goes to the front, in its old order.
local key, lane, batch, place = unpack(ARGV, 1, 4)
local ids = {}
if place == 'front' then
  for i = #ARGV, 5, -1 do ids[#ids + 1] = ARGV[i] end
else
  for i = 5, #ARGV do ids[#ids + 1] = ARGV[i] end
end
enqueue(key, lane, batch, ids, place == 'front' and 'LPUSH' or 'RPUSH')
due_for_lane(key, lane)
return #ids
