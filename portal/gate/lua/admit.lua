-- Let in the book's answer about a tag.
-- KEYS account, bucket, holds, grants... ARGV offset_us, ticket, version, fields (JSON object of the
-- account's fields), totals (JSON object by window|meter), fences (JSON object), then for each grant its
-- time to live in seconds and its record (a JSON array, whose places verify.lua names; the first three
-- are filled in here; `[]` for a key that is not known).
-- Replies OK, STALE (the ticket no longer holds: ask anew) or OLDER (a newer answer is here).
local account, bucket, holds = KEYS[1], KEYS[2], KEYS[3]
local version = tonumber(ARGV[3])
local now_us = clock(ARGV[1])
local now_ms = math.floor(now_us / 1000)

local known = redis.call('HMGET', account, 'run', 'gen', 'version', 'forgotten', 'fence')
local gen = known[2]
if known[1] ~= RUN or not gen or ticket(gen, known[4]) ~= ARGV[2] then return 'STALE' end
if (num(known[3]) or 0) > version then return 'OLDER' end

local fields = cjson.decode(ARGV[4])
-- The book's clock may be a little behind this one: then its answer holds for a second.
local ends = num(fields['until'])
if ends and ends <= now_ms then
  ends = now_ms + 1000
  fields['until'] = int(ends)
end
for _, field in ipairs(redis.call('HKEYS', account)) do
  if string.find(field, ':m:', 1, true) and not fields[field] then redis.call('HDEL', account, field) end
end
-- The mark of this answer, on the account and on its grants. A grant counts only if it was in the newest
-- answer: that says nothing of keys which ended long ago, so what an older one said is not believed.
local stamp = RUN .. '.' .. gen .. '.' .. int(version)
local flat = {'ready', '1', 'version', int(version), 'stamp', stamp}
for field, value in pairs(fields) do
  flat[#flat + 1] = field
  flat[#flat + 1] = value
end
redis.call('HSET', account, unpack(flat))

local held = sweep(account, bucket, holds, gen, now_us, num(known[5]))
local unsettled = drop_settled(bucket, cjson.decode(ARGV[6]), gen)
level(account, cjson.decode(ARGV[5]), unsettled, held)

for i = 4, #KEYS do
  local at = 7 + (i - 4) * 2
  local record = cjson.decode(ARGV[at + 1])
  record[1] = stamp
  if #record > 1 then record[2], record[3] = gen, ends or 0 end
  redis.call('SET', KEYS[i], cmsgpack.pack(record), 'EX', ARGV[at])
end
redis.call('EXPIRE', account, 40 * 86400)
return 'OK'
