-- ARGV: pace key, seconds.
rest(ARGV[1], read_pace(ARGV[1]), now(), tonumber(ARGV[2]))
return 1
