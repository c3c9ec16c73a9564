-- May this key pass? If so, it is counted in the same breath.
-- KEYS account, bucket, endpoints, holds, grants... (one per digest the key may be stored under)
-- ARGV offset_us, cost, meter, scopes (one a line), endpoint, ip (32 hex digits or ''), reservation id
-- or '', its time to live in ms, observe_all ('1' or '')
-- Replies {'COLD', why}, {'METER'}, {'NOT_FOUND'}, or {'VERDICT', code, observed, grant, card,
-- rate, burst, remaining, reset_ms, retry_ms, ceiling, included, used, window_end_ms}.
local account, bucket, endpoints, holds = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local cost, meter, endpoint, ip = tonumber(ARGV[2]), ARGV[3], ARGV[5], ARGV[6]
local reservation, reserved_ms = ARGV[7], tonumber(ARGV[8])
local now_us = clock(ARGV[1])
local now_ms = math.floor(now_us / 1000)

-- Known at all?

local a = redis.call('HMGET', account, 'run', 'gen', 'ready', 'until', 'fence', 'suspended', 'observed',
                     'card', 'rate', 'burst', 'due', 'version')
local gen = a[2]
if a[1] ~= RUN or a[3] ~= '1' then return {'COLD', 'account'} end
if set(a[4]) and now_ms >= tonumber(a[4]) then return {'COLD', 'account'} end

local grant, grant_text
local newest, tombstones = stamp(gen, a[12]), 0
for i, text in ipairs(redis.call('MGET', unpack(KEYS, 5))) do
  local record = text and cjson.decode(text)
  if record and record.stamp == newest then
    if record.none then
      tombstones = tombstones + 1
    elseif not grant then
      grant, grant_text = record, text
    end
  end
end
if not grant then
  if tombstones == #KEYS - 4 then return {'NOT_FOUND'} end
  return {'COLD', 'grant'}
end

local env = grant.env
local e = redis.call('HMGET', account, env .. ':w', env .. ':e', env .. ':nw', env .. ':ne',
                     env .. ':m:' .. meter, env .. ':tat', 'tat:' .. grant.lineage, env .. ':ns')
local window, window_end = e[1], num(e[2])
if not set(window) then return {'COLD', 'account'} end
if now_ms >= window_end then
  if not set(e[3]) or now_ms >= tonumber(e[4]) then return {'COLD', 'account'} end
  window, window_end = e[3], tonumber(e[4])
  redis.call('HSET', account, env .. ':w', window, env .. ':s', e[8], env .. ':e', e[4],
             env .. ':nw', '', env .. ':ns', '', env .. ':ne', '')
end
if not e[5] then return {'METER'} end
local ceiling, included, beyond = string.match(e[5], '^(%d*)|(%d+)|(.*)$')
ceiling = num(ceiling)
local used = num(redis.call('HGET', account, used_field(window, meter))) or 0

-- The rates: GCRA in microseconds. An arrival time further away than a full burst (the clock was put
-- back, or the burst made smaller) is brought nearer for good, even when the call is refused.

local function rate_of(rate, burst, tat_field, tat)
  local step = math.ceil(1000000 / rate)
  local full = step * burst
  local base = math.max(tat or 0, now_us)
  if base > now_us + full then
    base = now_us + full
    redis.call('HSET', account, tat_field, int(base))
  end
  return {rate = rate, burst = burst, step = step, full = full, base = base, field = tat_field,
          wait = base + step - full - now_us}
end

local rates = {}
if set(a[9]) then rates[#rates + 1] = rate_of(tonumber(a[9]), tonumber(a[10]), env .. ':tat', num(e[6])) end
if grant.rate then
  rates[#rates + 1] = rate_of(grant.rate, grant.burst, 'tat:' .. grant.lineage, num(e[7]))
end

-- The verdict.

local function allows(networks)
  if ip == '' then return false end
  for _, network in ipairs(networks) do
    if network[1] <= ip and ip <= network[2] then return true end
  end
  return false
end

local function covers(scopes)
  local has = {}
  for _, scope in ipairs(scopes) do has[scope] = true end
  for scope in string.gmatch(ARGV[4], '[^\n]+') do
    if not has[scope] then return false end
  end
  return true
end

local function fits()
  return not ceiling or cost == 0 or used + cost <= ceiling
end

local function decide()
  if grant.revoked then return 'REVOKED' end
  if grant.expires and now_ms >= grant.expires then return 'EXPIRED' end
  if set(a[6]) then return 'SUSPENDED' end
  if #grant.networks > 0 and not allows(grant.networks) then return 'IP_DENIED' end
  if ARGV[4] ~= '' and not covers(grant.scopes) then return 'INSUFFICIENT_SCOPE' end
  for _, rate in ipairs(rates) do
    if rate.wait > 0 then return 'RATE_LIMITED' end
  end
  if not fits() and set(a[11]) and tonumber(a[11]) <= now_ms then
    sweep(account, holds, gen, now_ms)
    a[11] = redis.call('HGET', account, 'due')
    used = num(redis.call('HGET', account, used_field(window, meter))) or 0
  end
  if not fits() then return beyond end
  return 'VALID'
end

local code, observed = decide(), ''
if code ~= 'VALID' and (ARGV[9] == '1' or set(a[7])) then
  code, observed = 'VALID', code
end

-- At most 200 endpoints are told apart in each window.

local function name_endpoint()
  if endpoint == '' or endpoint == '(other)' then return endpoint end
  local field = env .. '|' .. endpoint
  local seen = redis.call('HMGET', endpoints, env .. ':w', env .. ':n', field)
  local total = num(seen[2]) or 0
  if seen[1] ~= window then
    for _, old in ipairs(redis.call('HKEYS', endpoints)) do
      if string.sub(old, 1, #env + 1) == env .. '|' then redis.call('HDEL', endpoints, old) end
    end
    redis.call('HSET', endpoints, env .. ':w', window)
    redis.call('EXPIRE', endpoints, 40 * 86400)
    total = 0
  elseif seen[3] then
    return endpoint
  end
  if total >= 200 then return '(other)' end
  redis.call('HSET', endpoints, env .. ':n', int(total + 1), field, '1')
  return endpoint
end

-- Passed: the rate is taken, the call is counted or its cost held.

if code == 'VALID' then
  local changes = {}
  for _, rate in ipairs(rates) do
    if rate.wait <= 0 then
      rate.base = rate.base + rate.step
      changes[#changes + 1] = rate.field
      changes[#changes + 1] = int(rate.base)
    end
  end
  used = used + cost
  if cost > 0 then
    changes[#changes + 1] = used_field(window, meter)
    changes[#changes + 1] = int(used)
  end
  local named = name_endpoint()
  local minute = open_minute(now_us, num(a[5]))
  if reservation == '' then
    count(bucket, gen, minute, window, grant.key, meter, named, cost)
  else
    local expires = now_ms + reserved_ms
    redis.call('HSET', holds, reservation, table.concat(
      {int(expires), int(cost), window, grant.key, meter, gen, named}, '|'))
    if not set(a[11]) or expires < tonumber(a[11]) then
      changes[#changes + 1] = 'due'
      changes[#changes + 1] = int(expires)
    end
  end
  if observed ~= '' then count(bucket, gen, minute, window, grant.key, 'observed:' .. observed, named, 1) end
  if #changes > 0 then redis.call('HSET', account, unpack(changes)) end
end

-- Of two rates the tighter one is told.

local told, least, longest
for _, rate in ipairs(rates) do
  local left = math.max(0, math.floor((rate.full - (rate.base - now_us)) / rate.step))
  local wait = code == 'RATE_LIMITED' and math.max(0, rate.wait) or 0
  if not told or wait > longest or (wait == longest and left < least) then
    told, least, longest = rate, left, wait
  end
end

return {'VERDICT', code, observed, grant_text, a[8],
        told and int(told.rate) or '', told and int(told.burst) or '', told and int(least) or '',
        told and int(math.ceil((told.base - now_us) / 1000)) or '', told and int(math.ceil(longest / 1000)) or '',
        ceiling and int(ceiling) or '', included, int(used), int(window_end)}
