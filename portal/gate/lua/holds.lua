-- What is held: taken from a counter, and not yet counted.

-- A reservation as kept: expires_ms|cost|window|key|meter|gen|endpoint.
local function read_hold(text)
  local expires, cost, window, key_id, meter, gen, endpoint =
    string.match(text, '^(%d+)|(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return {expires = tonumber(expires), cost = tonumber(cost), window = window,
          key_id = key_id, meter = meter, gen = gen, endpoint = endpoint}
end

-- A share of a lease is held like a reservation, under a name of its own kind.
local function is_share(name)
  return string.sub(name, 1, 4) == 'lse_'
end

local function give_back(account, window, meter, units)
  local field = used_field(window, meter)
  if units > 0 and redis.call('HEXISTS', account, field) == 1 then
    redis.call('HINCRBY', account, field, int(-units))
  end
end

-- End the reservations whose time is over, and those that were made in another life of Redis: a
-- restart may have brought back one that was confirmed and settled already. A share that nobody
-- reported may have been used by somebody who is gone, so it stays consumed: it is stranded.
-- Returns what the others hold, by window|meter.
local function sweep(account, bucket, holds, gen, now_us, fence)
  local held, due, now_ms = {}, nil, math.floor(now_us / 1000)
  local rows = redis.call('HGETALL', holds)
  for i = 1, #rows, 2 do
    local hold = read_hold(rows[i + 1])
    if hold.gen ~= gen or hold.expires <= now_ms then
      redis.call('HDEL', holds, rows[i])
      if is_share(rows[i]) then
        count(bucket, gen, open_minute(now_us, fence), hold.window, hold.key_id, 'stranded:' .. hold.meter, '', hold.cost)
      else
        give_back(account, hold.window, hold.meter, hold.cost)
      end
    else
      local name = hold.window .. '|' .. hold.meter
      held[name] = (held[name] or 0) + hold.cost
      if not due or hold.expires < due then due = hold.expires end
    end
  end
  if #rows > 0 then redis.call('HSET', account, 'due', due and int(due) or '') end
  return held
end

