-- What Redis holds against what the ledger holds.

-- The counter that a line of the ledger or the bucket weighs on: what is stranded was taken from its meter's.
local function charged(window, meter)
  return window .. '|' .. (string.match(meter, '^stranded:(.*)$') or meter)
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
        local name = charged(window, meter)
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
      name = charged(string.match(name, '^(%d+)|(.*)$'))
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
