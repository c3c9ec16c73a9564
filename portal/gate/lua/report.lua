-- A lease ends: what was used of its share is counted, the rest is given back. Once: a second report of
-- the same lease finds nothing.
-- KEYS account, bucket, endpoints, holds. ARGV offset_us, lease id, units used, calls made ('': as many
-- as units), then endpoint, units, endpoint, units...
-- Replies {'ENDED'} or {'COUNTED', units}.
local account, bucket, endpoints, holds = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now_us = clock(ARGV[1])

local text = redis.call('HGET', holds, ARGV[2])
if not text then return {'ENDED'} end
local hold = read_hold(text)
local env = hold.endpoint
local known = redis.call('HMGET', account, 'run', 'gen', 'fence', env .. ':w')
if known[1] ~= RUN or known[2] ~= hold.gen then return {'ENDED'} end
redis.call('HDEL', holds, ARGV[2])

local used = math.min(tonumber(ARGV[3]), hold.cost)
give_back(account, hold.window, hold.meter, hold.cost - used)
local minute, left = open_minute(now_us, num(known[3])), used
local head = hold.gen .. '|' .. minute .. '|' .. hold.window .. '|' .. hold.key_id .. '|' .. hold.meter
local kind = ARGV[4] == '' and '|1|' or '|u|'
for i = 5, #ARGV, 2 do
  local units = math.min(tonumber(ARGV[i + 1]), left)
  if units > 0 then
    left = left - units
    -- The endpoints that are told apart are those of the present window.
    local present = known[4] == hold.window
    local named = present and name_endpoint(endpoints, env, hold.window, ARGV[i]) or '(other)'
    redis.call('HINCRBY', bucket, head .. kind .. named, units)
  end
end
if left > 0 then redis.call('HINCRBY', bucket, head .. kind, left) end
if ARGV[4] ~= '' and tonumber(ARGV[4]) > 0 then redis.call('HINCRBY', bucket, head .. '|n|', tonumber(ARGV[4])) end
return {'COUNTED', used}
