-- Delete what is settled, and raise the counters to what the ledger and the bucket say.
-- KEYS account, bucket, holds. ARGV offset_us, windows, totals, fences (JSON as for admit).
-- Replies {'COLD'}, or {'WARM', live window, test window, then for each allowance of the present
-- windows: environment, meter, included, used}.
local account, bucket, holds = KEYS[1], KEYS[2], KEYS[3]
local now_ms = math.floor(clock(ARGV[1]) / 1000)

local unsettled = drop_settled(bucket, cjson.decode(ARGV[4]))
local known = redis.call('HMGET', account, 'run', 'gen', 'ready')
if known[1] ~= RUN or known[3] ~= '1' then return {'COLD'} end

local held = sweep(account, holds, known[2], now_ms)
-- A window that was entered since the ledger was read has its counter from here alone.
local windows = cjson.decode(ARGV[2])
for _, window in ipairs(windows_of(account)) do windows[#windows + 1] = window end
level(account, windows, cjson.decode(ARGV[3]), unsettled, held)
redis.call('EXPIRE', account, 40 * 86400)

local reply = {'WARM', '', ''}
local windows_by_env = redis.call('HMGET', account, 'live:w', 'test:w')
reply[2], reply[3] = windows_by_env[1] or '', windows_by_env[2] or ''
for _, field in ipairs(redis.call('HKEYS', account)) do
  local env, meter = string.match(field, '^(%a+):m:(.*)$')
  if env then
    local window = env == 'live' and reply[2] or reply[3]
    local included = string.match(redis.call('HGET', account, field), '^%d*|(%d+)|')
    reply[#reply + 1] = env
    reply[#reply + 1] = meter
    reply[#reply + 1] = included
    reply[#reply + 1] = redis.call('HGET', account, used_field(window, meter)) or '0'
  end
end
return reply
