-- ARGV: pace key, lane, batch, lookahead, cursor the caller read, new cursor or "" for the end,
-- ids... Returns 1, or 0 when another refill came first and nothing was changed.
local key, lane, batch, lookahead, expected, cursor = unpack(ARGV, 1, 6)
if (redis.call('GET', cursor_of(batch)) or '0') ~= expected then return 0 end
if cursor == '' then
  redis.call('DEL', cursor_of(batch))
else
  redis.call('SET', cursor_of(batch), cursor)
end
local ids = {}
for i = 7, #ARGV do ids[#ids + 1] = ARGV[i] end
if #ids > 0 then
  enqueue(key, lane, batch, ids, 'RPUSH')
  local tat = tonumber(redis.call('HGET', pace_of(key), 'tat') or 0)
  due_by(key, math.max(now(), tat - tonumber(lookahead)))
end
return 1
