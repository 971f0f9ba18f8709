-- ARGV: pace key, lane, batch. Forgets what waits of a batch; the rows stay queued in PostgreSQL.
local key, lane, batch = unpack(ARGV, 1, 3)
redis.call('LREM', ring_of(key, lane), 0, batch)
return redis.call('DEL', ids_of(batch), cursor_of(batch))
