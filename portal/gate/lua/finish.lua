-- End a reservation: its final cost is counted, the rest is given back.
-- KEYS account, bucket, holds. ARGV offset_us, reservation id, final cost ('' releases it).
-- Replies {'MISSING'}, {'BEYOND', reserved} or {'ENDED', final, reserved}.
local account, bucket, holds = KEYS[1], KEYS[2], KEYS[3]
local reservation = ARGV[2]
local now_us = clock(ARGV[1])

local text = redis.call('HGET', holds, reservation)
if not text then return {'MISSING'} end
local hold = read_hold(text)
local known = redis.call('HMGET', account, 'run', 'gen', 'fence')
if known[1] ~= RUN or known[2] ~= hold.gen then return {'MISSING'} end
if hold.expires <= math.floor(now_us / 1000) then
  sweep(account, bucket, holds, hold.gen, now_us, num(known[3]))
  return {'MISSING'}
end

local final = num(ARGV[3])
if final and final > hold.cost then return {'BEYOND', int(hold.cost)} end
redis.call('HDEL', holds, reservation)
give_back(account, hold.window, hold.meter, hold.cost - (final or 0))
if final then
  local minute = open_minute(now_us, num(known[3]))
  count(bucket, hold.gen, minute, hold.window, hold.key_id, hold.meter, hold.endpoint, final)
end
return {'ENDED', int(final or 0), int(hold.cost)}
