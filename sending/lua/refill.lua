-- ARGV: pace key, lane, batch, cursor the caller read, new cursor or "" for the end, ids...
-- Returns 1, or 0 when another refill came first and nothing was changed.
local key, lane, batch, expected, cursor = unpack(ARGV, 1, 5)
if (redis.call('GET', cursor_of(batch)) or '0') ~= expected then return 0 end
if cursor == '' then
  redis.call('DEL', cursor_of(batch))
else
  redis.call('SET', cursor_of(batch), cursor)
end
local ids = {}
for i = 6, #ARGV do ids[#ids + 1] = ARGV[i] end
if #ids > 0 then
  enqueue(key, lane, batch, ids, 'RPUSH')
  due_for_lane(key, lane)
end
return 1
