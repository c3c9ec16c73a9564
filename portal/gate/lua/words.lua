-- What the scripts share. The caller puts `local RUN = '<run_id of this Redis process>'` in front, so
-- that a restarted Redis answers NOSCRIPT and can never be taken for the one that went away.

-- Numbers are written out in full: 1e+15 would not be read back as the same integer everywhere.
local function int(value)
  return string.format('%.0f', value)
end

-- A missing field is false, an unset one ''; both are nil to a reader.
local function num(value)
  if not value or value == '' then return nil end
  return tonumber(value)
end

local function set(value)
  return value and value ~= ''
end

local function clock(offset_us)
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(offset_us)
end

local function minute_of(now_us)
  return math.floor(now_us / 60000000)
end

-- The minute to count into: never one that is sealed.
local function open_minute(now_us, fence)
  local minute = minute_of(now_us)
  if fence and minute <= fence then return fence + 1 end
  return minute
end

local function used_field(window, meter)
  return 'u:' .. window .. ':' .. meter
end

-- Count a call: calls that cost 1 need one number, others two. (A minute has few digits: it may be
-- joined as it is.)
local function count(bucket, gen, minute, window, key_id, meter, endpoint, cost)
  local head = gen .. '|' .. minute .. '|' .. window .. '|' .. key_id .. '|' .. meter
  if cost == 1 then
    redis.call('HINCRBY', bucket, head .. '|1|' .. endpoint, 1)
  else
    redis.call('HINCRBY', bucket, head .. '|n|' .. endpoint, 1)
    if cost > 0 then redis.call('HINCRBY', bucket, head .. '|u|' .. endpoint, cost) end
  end
end

-- At most 200 endpoints are told apart in each window.

local function name_endpoint(endpoints, env, window, endpoint)
  local call, field = redis.call, env .. '|' .. endpoint
  if endpoint == '' or endpoint == '(other)' then return endpoint end
  local seen = call('HMGET', endpoints, env .. ':w', field)
  if seen[1] == window and seen[2] then return endpoint end
  local total = 0
  if seen[1] ~= window then
    for _, old in ipairs(call('HKEYS', endpoints)) do
      if string.sub(old, 1, #env + 1) == env .. '|' then call('HDEL', endpoints, old) end
    end
    call('HSET', endpoints, env .. ':w', window)
    call('EXPIRE', endpoints, 40 * 86400)
  else
    total = num(call('HGET', endpoints, env .. ':n')) or 0
  end
  if total >= 200 then return '(other)' end
  call('HSET', endpoints, env .. ':n', total + 1, field, '1')
  return endpoint
end
