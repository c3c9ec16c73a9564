-- Seal what may be settled: all past minutes. Nothing is deleted, so a seal may be asked again.
-- KEYS account, bucket, holds. ARGV offset_us.
-- Replies {'WARM' or 'COLD', rows, levels}: rows is field, number, field, number...
local account, bucket, holds = KEYS[1], KEYS[2], KEYS[3]
local now_us = clock(ARGV[1])
local now_ms = math.floor(now_us / 1000)

local known = redis.call('HMGET', account, 'run', 'gen', 'ready', 'fence', 'clean', 'due')
-- Nobody counts into a generation of an earlier life: all of its minutes are past.
local gen = known[1] == RUN and known[2] or ''
local warm = gen ~= '' and known[3] == '1'
local present = minute_of(now_us)
if warm and set(known[6]) and tonumber(known[6]) <= now_ms then sweep(account, bucket, holds, gen, now_us, num(known[4])) end

-- Within a minute there is nothing more to seal once all before it is settled.
if warm and known[5] == known[4] and num(known[4]) == present - 1 then
  return {'WARM', {}, levels_of(account)}
end

local rows = redis.call('HGETALL', bucket)
local newest = -1
local minutes = {}
for i = 1, #rows, 2 do
  local row_gen, minute = string.match(rows[i], '^([^|]*)|(%d+)|')
  minutes[i] = row_gen == gen and tonumber(minute) or -1
  if minutes[i] > newest then newest = minutes[i] end
end

-- The fence is put down before anything is settled: no call is counted into a sealed minute. After
-- the clock was put back, the minutes that lie ahead of it are sealed too.
local fence = num(known[4]) or -1
local wanted = newest > present and newest or present - 1
if gen ~= '' and wanted > fence then
  fence = wanted
  redis.call('HSET', account, 'fence', int(fence))
end

local sealed = {}
for i = 1, #rows, 2 do
  if minutes[i] <= fence then
    sealed[#sealed + 1] = rows[i]
    sealed[#sealed + 1] = rows[i + 1]
  end
end
if warm and #sealed == 0 then redis.call('HSET', account, 'clean', int(fence)) end
return {warm and 'WARM' or 'COLD', sealed, warm and levels_of(account) or {}}
