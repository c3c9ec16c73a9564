-- Begin to ask the book: which generation will its answer be for?
-- KEYS account. ARGV nonce ('' only looks). Replies with a ticket, or '' when there is none to be had.
-- A new one is begun when the account is unknown, or was written in an earlier life of Redis: an
-- answer that was read before a wipe or a restart is then for a generation that is gone.
local account, nonce = KEYS[1], ARGV[1]

local known = redis.call('HMGET', account, 'run', 'gen', 'forgotten')
if known[1] == RUN and known[2] then return ticket(known[2], known[3]) end
if nonce == '' then return '' end

local existed = redis.call('EXISTS', account) == 1
redis.call('HSET', account, 'run', RUN, 'gen', nonce, 'ready', '', 'version', '', 'stamp', '', 'fence', '', 'clean', '')
if not existed then redis.call('EXPIRE', account, 60) end
return ticket(nonce, known[3])
