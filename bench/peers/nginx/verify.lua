-- The check: service key, digest of the customer's key, one script call, and the whole answer as JSON.
local cjson = require "cjson.safe"
local redis = require "nginx.redis"
local sha256 = require "nginx.sha256"
local bit = require "bit"
local hex = require("nginx.string").to_hex

local port, password = tonumber(os.getenv "PEER_REDIS_PORT"), os.getenv "PEER_PASSWORD"
local script, service = os.getenv "PEER_SCRIPT", os.getenv "PEER_SERVICE_DIGEST"
local abouts = {}

local function unhex(text)
  return (text:gsub("..", function(two) return string.char(tonumber(two, 16)) end))
end

local function hash(...)
  local made = sha256:new()
  for _, part in ipairs { ... } do made:update(part) end
  return made:final()
end

local pepper = unhex(os.getenv "PEER_PEPPER")
pepper = pepper .. string.rep("\0", 64 - #pepper)
local inner = pepper:gsub(".", function(one) return string.char(bit.bxor(one:byte(), 0x36)) end)
local outer = pepper:gsub(".", function(one) return string.char(bit.bxor(one:byte(), 0x5c)) end)

local function digest(token)
  return hex(hash(outer, hash(inner, token)))
end

local function ask(key)
  local tag = key:match "^%w+_%w+_(%w%w%w%w%w%w%w%w)"
  local at = redis:new()
  local connected = at:connect("127.0.0.1", port)
  if not connected then return nil end
  if at:get_reused_times() == 0 then at:auth(password) end
  local reply = at:evalsha(script, 5, "{" .. tag .. "}:account", "{" .. tag .. "}:bucket",
    "{" .. tag .. "}:endpoints", "{" .. tag .. "}:holds", "{" .. tag .. "}:grant:" .. digest(key),
    "0", "1", "calls", "", "", "", "", "900000", "")
  at:set_keepalive(60000, 256)
  return reply
end

local known = {}
local function service_is_known(shown)
  if known[shown] == nil then known[shown] = digest(shown) == service end
  return known[shown]
end

local verify = {}

function verify.answer()
  local shown = (ngx.var.http_authorization or ""):match "^Bearer (.+)$"
  if not shown or not service_is_known(shown) then return ngx.exit(401) end
  ngx.req.read_body()
  local asked = cjson.decode(ngx.req.get_body_data() or "")
  if not asked or type(asked.key) ~= "string" or #asked.key < 20 then return ngx.exit(400) end
  local reply = ask(asked.key)
  if not reply or reply[1] ~= "VERDICT" then return ngx.exit(503) end
  local who = abouts[reply[4]]
  if not who then
    who = cjson.decode(reply[4])
    abouts[reply[4]] = who
  end
  local ceiling, included, used = reply[10], reply[11], reply[12]
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print(cjson.encode {
    valid = reply[2] == "VALID", code = reply[2], key_id = who.key, account_id = who.id,
    environment = who.env, external_id = who.external_id, plan = who.plan, plan_version = who.plan_version,
    features = who.features, scopes = who.scopes,
    ratelimit = { limit = reply[5], burst = reply[6], remaining = reply[7], reset_ms = reply[8] },
    quota = {
      limit = ceiling, included = included, used = used, remaining = math.max(0, ceiling - used),
      overage = math.max(0, used - included), resets_at = os.date("!%Y-%m-%dT%H:%M:%SZ", reply[13] / 1000),
    },
    request_id = "req_" .. ngx.var.request_id,
  })
end

return verify
