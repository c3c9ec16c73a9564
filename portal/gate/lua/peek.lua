-- Look, without touching anything.
-- KEYS account, bucket, holds. ARGV offset_us.
-- Replies {'WARM' or 'COLD', gen, now_ms, account, bucket, holds}, each as field, value, field, value...
local account, bucket, holds = KEYS[1], KEYS[2], KEYS[3]
local known = redis.call('HMGET', account, 'run', 'gen', 'ready')
local warm = known[1] == RUN and known[3] == '1'
return {warm and 'WARM' or 'COLD', known[2] or '', int(math.floor(clock(ARGV[1]) / 1000)),
        redis.call('HGETALL', account), redis.call('HGETALL', bucket), redis.call('HGETALL', holds)}
