-- Seal what may be settled: all past minutes. Nothing is deleted, so a seal may be asked again.
-- KEYS account, bucket, holds. ARGV offset_us.
-- Replies {gen or '', windows, rows}: rows is field, number, field, number...
local account, bucket, holds = KEYS[1], KEYS[2], KEYS[3]
local now_us = clock(ARGV[1])

local known = redis.call('HMGET', account, 'run', 'gen', 'ready', 'fence')
-- Nobody counts into a generation of an earlier life: all of its minutes are past.
local gen = known[1] == RUN and known[2] or ''
if known[3] == '1' and gen ~= '' then sweep(account, holds, gen, math.floor(now_us / 1000)) end

local rows = redis.call('HGETALL', bucket)
local present, newest = minute_of(now_us), -1
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
return {gen, windows_of(account), sealed}
