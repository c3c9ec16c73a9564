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

-- A reservation as kept: expires_ms|cost|window|key|meter|gen|endpoint.
local function read_hold(text)
  local expires, cost, window, key_id, meter, gen, endpoint =
    string.match(text, '^(%d+)|(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return {expires = tonumber(expires), cost = tonumber(cost), window = window,
          key_id = key_id, meter = meter, gen = gen, endpoint = endpoint}
end

local function give_back(account, window, meter, units)
  local field = used_field(window, meter)
  if units > 0 and redis.call('HEXISTS', account, field) == 1 then
    redis.call('HINCRBY', account, field, int(-units))
  end
end

-- End the reservations whose time is over, and those that were made in another life of Redis: a
-- restart may have brought back one that was confirmed and settled already.
-- Returns what the others hold, by window|meter.
local function sweep(account, bucket, holds, gen, now_us, fence)
  local held, due, now_ms = {}, nil, math.floor(now_us / 1000)
  local rows = redis.call('HGETALL', holds)
  for i = 1, #rows, 2 do
    local hold = read_hold(rows[i + 1])
    if hold.gen ~= gen or hold.expires <= now_ms then
      redis.call('HDEL', holds, rows[i])
      give_back(account, hold.window, hold.meter, hold.cost)
    else
      local name = hold.window .. '|' .. hold.meter
      held[name] = (held[name] or 0) + hold.cost
      if not due or hold.expires < due then due = hold.expires end
    end
  end
  if #rows > 0 then redis.call('HSET', account, 'due', due and int(due) or '') end
  return held
end

-- Delete from the bucket what is settled. Returns the units that are not, by window|meter, and how
-- many fields are left that may be settled: of earlier generations, or up to this one's fence.
local function drop_settled(bucket, fences, gen, fence)
  local unsettled, settled, sealed = {}, {}, 0
  local rows = redis.call('HGETALL', bucket)
  for i = 1, #rows, 2 do
    local row_gen, minute, window, meter, kind =
      string.match(rows[i], '^([^|]*)|(%d+)|(%d+)|[^|]*|([^|]*)|(.)|')
    minute = tonumber(minute)
    if fences[row_gen] and minute <= fences[row_gen] then
      settled[#settled + 1] = rows[i]
    else
      if row_gen ~= gen or (fence and minute <= fence) then sealed = sealed + 1 end
      if kind ~= 'n' then
        local name = window .. '|' .. meter
        unsettled[name] = (unsettled[name] or 0) + tonumber(rows[i + 1])
      end
    end
  end
  for i = 1, #settled, 1000 do
    redis.call('HDEL', bucket, unpack(settled, i, math.min(i + 999, #settled)))
  end
  return unsettled, sealed
end

-- The windows that the account hash knows, present and next, of both environments.
local function windows_of(account)
  local found = {}
  for _, window in ipairs(redis.call('HMGET', account, 'live:w', 'live:nw', 'test:w', 'test:nw')) do
    if set(window) then found[window] = true end
  end
  return found
end

-- Raise the counters of those windows to ledger + unsettled + held, and forget those of windows that
-- are over. `totals` is what the ledger holds, by window|meter, read in the same snapshot as the fences
-- that `unsettled` was found with; an older snapshot than another caller's gives a lower sum, which is
-- why a counter is only ever raised here.
local function level(account, totals, unsettled, held)
  local known, sums = windows_of(account), {}
  for _, units_by_name in ipairs({totals, unsettled, held}) do
    for name, units in pairs(units_by_name) do
      sums[name] = (sums[name] or 0) + units
    end
  end
  for name, sum in pairs(sums) do
    local window, meter = string.match(name, '^(%d+)|(.*)$')
    if known[window] then
      local field = used_field(window, meter)
      local used = num(redis.call('HGET', account, field)) or 0
      if sum > used then redis.call('HSET', account, field, int(sum)) end
    end
  end
  local over = {}
  for _, field in ipairs(redis.call('HKEYS', account)) do
    local window, meter = string.match(field, '^u:(%d+):(.*)$')
    if window and not known[window] then
      local name = window .. '|' .. meter
      if not unsettled[name] and not held[name] then over[#over + 1] = field end
    end
  end
  if #over > 0 then
    redis.call('HDEL', account, unpack(over))
    redis.call('HINCRBY', account, 'forgotten', 1)
  end
end

-- What an answer of the book is for: the generation, and how often a counter was forgotten. A counter
-- that comes back (paid to free, within the month) must not start from a ledger that was read before.
local function ticket(gen, forgotten)
  return gen .. '.' .. (forgotten or '0')
end

-- How far the present windows are used: environment, window, meter, included, used, and so on.
local function levels_of(account)
  local found = {}
  local present = redis.call('HMGET', account, 'live:w', 'test:w')
  for _, field in ipairs(redis.call('HKEYS', account)) do
    local env, meter = string.match(field, '^(%a+):m:(.*)$')
    local window = env == 'live' and present[1] or env == 'test' and present[2]
    if set(window) then
      for _, part in ipairs({env, window, meter,
                             string.match(redis.call('HGET', account, field), '^%d*|(%d+)|'),
                             redis.call('HGET', account, used_field(window, meter)) or '0'}) do
        found[#found + 1] = part
      end
    end
  end
  return found
end
