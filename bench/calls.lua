-- wrk's calls: the requests are made once, and one is drawn for each call. `keys` is a file of keys, one a
-- line, already drawn as the load wants them.
local calls = {}

function init(arguments)
  local service, keys = arguments[1], arguments[2]
  for key in io.lines(keys) do
    calls[#calls + 1] = wrk.format('POST', '/v1/keys/verify',
      {['Authorization'] = 'Bearer ' .. service, ['Content-Type'] = 'application/json'},
      '{"key":"' .. key .. '"}')
  end
  math.randomseed(os.time())
end

function request()
  return calls[math.random(#calls)]
end
