-- Delete what is settled, and raise the counters to what the ledger and the bucket say.
-- KEYS account, bucket, holds. ARGV offset_us, totals, fences (JSON as for admit).
-- Replies {'COLD'}, or {'WARM', levels}.
local account, bucket, holds = KEYS[1], KEYS[2], KEYS[3]
local now_us = clock(ARGV[1])

local known = redis.call('HMGET', account, 'run', 'gen', 'ready', 'fence')
local warm = known[1] == RUN and known[3] == '1'
local gen, fence = warm and known[2] or '', num(known[4])
local unsettled, sealed = drop_settled(bucket, cjson.decode(ARGV[3]), gen, fence)
if not warm then return {'COLD'} end
if sealed == 0 and fence then redis.call('HSET', account, 'clean', int(fence)) end

local held = sweep(account, bucket, holds, gen, now_us, fence)
level(account, cjson.decode(ARGV[2]), unsettled, held)
redis.call('EXPIRE', account, 40 * 86400)
return {'WARM', levels_of(account)}
