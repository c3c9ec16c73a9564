-- wrk's calls: the requests are made once, and one is drawn for each call. `keys` is a file of keys, one a
-- line, already drawn as the load wants them. `shown` is where the key stands: in the body, or in a header.
-- `pause` is how many milliseconds a connection rests between two calls, on average.
local calls, pause = {}, 0

function init(arguments)
  local service, keys, shown = arguments[1], arguments[2], arguments[3]
  pause = tonumber(arguments[4])
  if pause == 0 then delay = nil end
  for key in io.lines(keys) do
    if shown == 'body' then
      calls[#calls + 1] = wrk.format('POST', '/v1/keys/verify',
        {['Authorization'] = 'Bearer ' .. service, ['Content-Type'] = 'application/json'},
        '{"key":"' .. key .. '"}')
    else
      calls[#calls + 1] = wrk.format('GET', '/v1/keys/verify', {['X-API-Key'] = key})
    end
  end
  math.randomseed(os.time())
end

function delay()
  return math.random(0, 2 * pause)
end

function request()
  return calls[math.random(#calls)]
end
