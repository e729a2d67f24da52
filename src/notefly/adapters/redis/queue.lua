-- One step of the queue, which nobody sees half done. KEYS: root. ARGV: step, now, its own.
-- All processes are one consumer: a name for each would pile up, and only silence counts.
local call, root, now, step = redis.call, KEYS[1], tonumber(ARGV[2]), {}
local refs = root .. ':refs'   -- batch -> [batch, stream, size, due, …], as long as it is kept
local spots = root .. ':spots' -- batch -> [stream, id], if it can be received
local later = root .. ':later' -- batches, by the second in which they can be
local function place(batch, ref, due)
  local _, stream, _, due_at = unpack(cjson.decode(ref))
  call('HSET', refs, batch, ref)
  due = due or tonumber(due_at) or 0
  if due > now then return call('ZADD', later, due, batch) end
  call('HSET', spots, batch, cjson.encode({stream, call('XADD', stream, '*', 'batch', batch)}))
end

function step.offer()
  for i = 3, #ARGV do
    local ref, batch = ARGV[i], cjson.decode(ARGV[i])[1]
    local known, spot = call('HGET', refs, batch), call('HGET', spots, batch)
    if known and not spot and not call('ZSCORE', later, batch) then
      call('HSET', refs, batch, ref .. ' ') -- somebody has it: changed, when it comes back
    elseif known ~= ref then
      call('ZREM', later, batch)
      call('HDEL', spots, batch)
      if spot then call('XDEL', unpack(cjson.decode(spot))) end
      place(batch, ref)
    end
  end
end

function step.take()
  for _, batch in ipairs(call('ZRANGEBYSCORE', later, 0, now, 'LIMIT', 0, 1000)) do
    call('ZREM', later, batch)
    place(batch, call('HGET', refs, batch), now)
  end
  local taken, rows, hold = {}, tonumber(ARGV[3]), ARGV[4] * 1000
  for i = 5, #ARGV do
    redis.pcall('XGROUP', 'CREATE', ARGV[i], 'workers', 0, 'MKSTREAM')
    local read = rows > 0 and call('XAUTOCLAIM', ARGV[i], 'workers', 'all', hold, 0, 'COUNT', 8)[2]
    while read do
      for _, entry in ipairs(read) do
        local ref = call('HGET', refs, entry[2][2])
        call('HDEL', spots, entry[2][2])
        table.insert(taken, {ARGV[i], entry[1], ref})
        rows = rows - cjson.decode(ref)[3]
      end
      local group = {'GROUP', 'workers', 'all', 'COUNT', 1, 'STREAMS', ARGV[i], '>'}
      read = rows > 0 and call('XREADGROUP', unpack(group))
      read = read and read[1][2]
    end
  end
  return taken
end

function step.back()
  local delay = tonumber(ARGV[3]) -- an ack, if there is none
  for i = 4, #ARGV, 4 do
    local batch, stream, id, had = unpack(ARGV, i, i + 3)
    if call('XACK', stream, 'workers', id) == 1 then -- else somebody else gave it back
      call('XDEL', stream, id)
      local ref = call('HGET', refs, batch)
      if ref ~= had then place(batch, ref)
      elseif delay then place(batch, ref, now + delay)
      else call('HDEL', refs, batch) end
    end
  end
end

return step[ARGV[1]]()
