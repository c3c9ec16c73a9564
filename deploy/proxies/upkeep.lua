-- The question that HAProxy asks Upkeep about each call. haproxy.cfg says which endpoint it is (txn.endpoint),
-- which scopes it needs (txn.scopes) and what it costs (txn.cost); what Upkeep says is left in txn.upkeep_*.
-- Whatever goes wrong leaves no status, and without one nobody passes.

local SERVICE_KEY = os.getenv("UPKEEP_SERVICE_KEY")
local KEPT = {
  ["x-upkeep-account"] = "account",
  ["x-upkeep-external-id"] = "external_id",
  ["x-upkeep-key"] = "key",
  ["x-upkeep-plan"] = "plan",
  ["x-upkeep-environment"] = "environment",
  ["x-upkeep-code"] = "code",
  ["retry-after"] = "retry",
  ["www-authenticate"] = "challenge",
  ["ratelimit"] = "left",
  ["ratelimit-policy"] = "policy",
}

local function shown(headers, asked, name)
  if headers[name] then
    asked[name] = {}
    for _, value in pairs(headers[name]) do table.insert(asked[name], value) end
  end
end

core.register_action("upkeep", { "http-req" }, function(txn, address)
  local headers = txn.http:req_get_headers()
  local asked = {
    ["x-upkeep-service-key"] = { SERVICE_KEY },
    ["x-upkeep-endpoint"] = { txn:get_var("txn.endpoint") },
    ["x-forwarded-for"] = { txn.f:src() },
  }
  shown(headers, asked, "authorization")
  shown(headers, asked, "x-api-key")
  shown(headers, asked, "x-request-id")
  for name, header in pairs({ scopes = "x-upkeep-scopes", cost = "x-upkeep-cost" }) do
    local value = txn:get_var("txn." .. name)
    if value then asked[header] = { value } end
  end
  local answer = core.httpclient():get{ url = address, headers = asked, timeout = 5000 }
  if not answer or not answer.status or answer.status == 0 then return end
  txn:set_var("txn.upkeep_status", answer.status)
  txn:set_var("txn.upkeep_body", answer.body or "")
  for name, values in pairs(answer.headers or {}) do
    local kept = KEPT[string.lower(name)]
    if kept then txn:set_var("txn.upkeep_" .. kept, values[0] or values[1]) end
  end
end, 1)
