-- May this key pass? If so, it is counted in the same breath. Every call of a customer runs this, so it
-- is written to be quick: one record is read, numbers are handed over as numbers, and what is seldom
-- needed is looked at only then.
-- KEYS account, bucket, endpoints, holds, grants... (one per digest the key may be stored under)
-- ARGV offset_us, cost, meter, scopes (one a line), endpoint, ip (32 hex digits or ''), reservation id
-- or '', its time to live in ms, observe_all ('1' or ''); and for a lease: its id, the units wanted, the
-- longest time in ms that they may be used, the largest part of what is left that it may be (16: a
-- sixteenth), 'only' when no call is to be counted beside it
-- Replies {'COLD', why}, {'METER'}, {'NOT_FOUND'}, or {'VERDICT', code, observed, about, rate, burst,
-- remaining, reset_ms, retry_ms, ceiling, included, used, window_end_ms}: false where there is none; and
-- when a share was taken, its units and its time in ms.
local call = redis.call
local account = KEYS[1]
local cost, meter = tonumber(ARGV[2]), ARGV[3]
local time = call('TIME')
local now_us = time[1] * 1000000 + time[2] + ARGV[1]
local now_ms = math.floor(now_us / 1000)

-- Known at all? What a grant says of its account is as new as the account's own stamp, or not believed.

local grant, stamp
if #KEYS == 5 then
  local text = call('GET', KEYS[5])
  grant = text and cmsgpack.unpack(text)
else
  local found, unknown = call('MGET', unpack(KEYS, 5)), 0
  stamp = call('HGET', account, 'stamp')
  for _, text in ipairs(found) do
    local record = text and cmsgpack.unpack(text)
    if record and record[1] == stamp then
      if #record == 1 then unknown = unknown + 1 else grant = grant or record end
    end
  end
  if not grant and unknown == #found then grant = {stamp} end
end

if not grant or #grant == 1 then
  stamp = call('HGET', account, 'stamp')
  local ends = num(call('HGET', account, 'until'))
  if not stamp or string.sub(stamp, 1, #RUN) ~= RUN or (ends and now_ms >= ends) then
    return {'COLD', 'account'}
  end
  if grant and grant[1] == stamp then return {'NOT_FOUND'} end
  return {'COLD', 'grant'}
end

local env, key_id, rate, own_rate = grant[4], grant[5], grant[11], grant[13]
local window, window_end = grant[15], grant[16]
local used_name, tat_name = used_field(window, meter), env .. ':tat'
local a = call('HMGET', account, 'stamp', env .. ':w', used_name, tat_name, 'fence', 'due')
stamp = a[1]
if not stamp or string.sub(stamp, 1, #RUN) ~= RUN then return {'COLD', 'account'} end
if grant[3] > 0 and now_ms >= grant[3] then return {'COLD', 'account'} end
if grant[1] ~= stamp then return {'COLD', 'grant'} end

-- The window: the one that the account is in, or the next once that is over.

local used = a[3]
if a[2] ~= window or now_ms >= window_end then
  if not set(a[2]) or grant[17] == '' or (a[2] ~= window and a[2] ~= grant[17]) or now_ms >= grant[19] then
    return {'COLD', 'account'}
  end
  if a[2] == window then
    call('HSET', account, env .. ':w', grant[17], env .. ':s', grant[18], env .. ':e', grant[19],
         env .. ':nw', '', env .. ':ns', '', env .. ':ne', '')
  end
  window, window_end = grant[17], grant[19]
  used_name = used_field(window, meter)
  used = call('HGET', account, used_name)
end
used = tonumber(used or 0)

local ceiling, included, beyond
for i = 23, #grant, 4 do
  if grant[i] == meter then
    ceiling, included, beyond = grant[i + 1], grant[i + 2], grant[i + 3]
    break
  end
end
if not included then return {'METER'} end

-- The rates: GCRA in microseconds. An arrival time further away than a full burst (the clock was put
-- back, or the burst made smaller) is brought nearer for good, even when the call is refused.

local function rate_of(rate, burst, name, tat)
  local step = math.ceil(1000000 / rate)
  local full = step * burst
  local base = tonumber(tat or 0)
  if base < now_us then base = now_us end
  if base > now_us + full then
    base = now_us + full
    call('HSET', account, name, base)
  end
  return {rate = rate, burst = burst, step = step, full = full, base = base, name = name,
          wait = base + step - full - now_us}
end

local first = rate > 0 and rate_of(rate, grant[12], tat_name, a[4])
local second = false
if own_rate > 0 then
  local name = 'tat:' .. grant[6]
  second = rate_of(own_rate, grant[14], name, call('HGET', account, name))
end

-- The verdict.

local function allows(networks)
  local ip = ARGV[6]
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

local due = a[6]
local code, observed = 'VALID', ''
if grant[7] then
  code = 'REVOKED'
elseif grant[8] > 0 and now_ms >= grant[8] then
  code = 'EXPIRED'
elseif grant[9] then
  code = 'SUSPENDED'
elseif grant[20] ~= '' and not allows(cjson.decode(grant[20])) then
  code = 'IP_DENIED'
elseif ARGV[4] ~= '' and not covers(cjson.decode(grant[21])) then
  code = 'INSUFFICIENT_SCOPE'
elseif (first and first.wait > 0) or (second and second.wait > 0) then
  code = 'RATE_LIMITED'
elseif ceiling >= 0 and cost > 0 and used + cost > ceiling then
  if set(due) and tonumber(due) <= now_ms then
    holds_desk()(account, KEYS[2], KEYS[4], grant[2], now_us, num(a[5]))
    due = call('HGET', account, 'due')
    used = tonumber(call('HGET', account, used_name) or 0)
  end
  if used + cost > ceiling then code = beyond end
end
if code ~= 'VALID' and (ARGV[9] == '1' or grant[10]) then
  code, observed = 'VALID', code
end

-- Passed: the rate is taken, the call is counted or its cost held.

local only = ARGV[14] == 'only'
if code == 'VALID' and not only then
  used = used + cost
  local named = ARGV[5]
  if named ~= '' and named ~= '(other)' then named = name_endpoint(KEYS[3], env, window, named) end
  local minute = open_minute(now_us, num(a[5]))
  if ARGV[7] ~= '' then
    local expires = now_ms + ARGV[8]
    call('HSET', KEYS[4], ARGV[7], table.concat(
      {int(expires), int(cost), window, key_id, meter, grant[2], named}, '|'))
    if not set(due) or expires < tonumber(due) then call('HSET', account, 'due', expires) end
  else
    count(KEYS[2], grant[2], minute, window, key_id, meter, named, cost)
  end
  if observed ~= '' then
    count(KEYS[2], grant[2], minute, window, key_id, 'observed:' .. observed, named, 1)
  end
  if first and first.wait <= 0 then
    first.base = first.base + first.step
    if cost > 0 then
      call('HSET', account, tat_name, first.base, used_name, used)
    else
      call('HSET', account, tat_name, first.base)
    end
  elseif cost > 0 then
    call('HSET', account, used_name, used)
  end
  if second and second.wait <= 0 then
    second.base = second.base + second.step
    call('HSET', account, second.name, second.base)
  end
end

-- Of two rates the tighter one is told.

local function left_of(rate)
  local left = math.floor((rate.full - (rate.base - now_us)) / rate.step)
  return left > 0 and left or 0
end

local told, left, wait = first, first and left_of(first), 0
if code == 'RATE_LIMITED' and first and first.wait > 0 then wait = first.wait end
if second then
  local other, longer = left_of(second), code == 'RATE_LIMITED' and second.wait > 0 and second.wait or 0
  if not told or longer > wait or (longer == wait and other < left) then
    told, left, wait = second, other, longer
  end
end

local reply
if told then
  reply = {'VERDICT', code, observed, grant[22], told.rate, told.burst, left,
           math.ceil((told.base - now_us) / 1000), math.ceil(wait / 1000),
           ceiling >= 0 and ceiling, included, used, window_end}
else
  reply = {'VERDICT', code, observed, grant[22], false, false, false, false, false,
           ceiling >= 0 and ceiling, included, used, window_end}
end
if not ARGV[10] or code ~= 'VALID' or observed ~= '' or (grant[20] ~= '' and not only) then return reply end

-- A share, taken from the counter before anybody spends it. It ends before the answer may change. Its
-- rate tokens are charged as if all were spent at its last moment: whenever they are, no span of time
-- then sees more calls than the rate allows.

local ttl = math.min(tonumber(ARGV[12]), window_end - now_ms)
if grant[3] > 0 then ttl = math.min(ttl, grant[3] - now_ms) end
if grant[8] > 0 then ttl = math.min(ttl, grant[8] - now_ms) end
for _, one in ipairs({first, second}) do
  if one then ttl = math.min(ttl, math.floor(one.full / 2000)) end -- half of the burst is left for others
end
local units = tonumber(ARGV[11])
if ceiling >= 0 then
  local rest = ceiling - used
  units = math.min(units, math.max(math.floor(rest / ARGV[13]), only and math.min(rest, 1) or 0))
end
local ends_us = now_us + ttl * 1000
for _, one in ipairs({first, second}) do
  if one then
    one.start = math.max(one.base, ends_us)
    units = math.min(units, math.floor((now_us + one.full - one.start) / one.step))
  end
end
if units < 1 or ttl < 50 then return reply end
for _, one in ipairs({first, second}) do
  if one then call('HSET', account, one.name, one.start + units * one.step) end
end
local expires = now_ms + ttl + 30000
call('HSET', account, used_name, used + units)
call('HSET', KEYS[4], ARGV[10], table.concat(
  {int(expires), int(units), window, key_id, meter, grant[2], env}, '|'))
due = call('HGET', account, 'due')
if not set(due) or expires < tonumber(due) then call('HSET', account, 'due', expires) end
reply[14], reply[15] = units, ttl
return reply
