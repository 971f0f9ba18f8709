-- ARGV: pace key and seconds, for each key. Moves the next free slot by as much as a send was late.
for i = 1, #ARGV, 2 do
  redis.call('HINCRBYFLOAT', pace_of(ARGV[i]), 'tat', ARGV[i + 1])
end
return 1
