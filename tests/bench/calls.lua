-- The calls that wrk makes: wrk -s calls.lua URL -- CALL SEED PUPILS KEY
-- PUPILS is a file of lines "id username token password", for the call `path` "path - - -"; KEY a service key. Requests are
-- made before the clock runs.

local requests, weights = {}, {}
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local function read_pupils(path)
  local pupils = {}
  for line in io.lines(path) do
    local id, name, token, password = line:match("(%S+) (%S+) (%S+) (%S+)")
    pupils[#pupils + 1] = { id = id, name = name, token = token, password = password }
  end
  return pupils
end

local function get(path, bearer)
  return wrk.format("GET", path, { Host = wrk.headers.Host, Authorization = "Bearer " .. bearer })
end

local function post(path, bearer, body)
  local headers = { Host = wrk.headers.Host, ["Content-Type"] = "application/json" }
  if bearer then headers.Authorization = "Bearer " .. bearer end
  return wrk.format("POST", path, headers, body)
end

-- About 80 and 450 bytes, as in the demo data; one answer in eleven has what JSON must escape.
local function chat(pupil, key)
  local noise = string.format("%08x%08x", math.random(0, 0x7fffffff), math.random(0, 0x7fffffff))
  local head = math.random(11) == 1 and 'Kata \\"kutip\\" \\\\ <b>tebal</b> & \195\169 \226\134\146.\\n\\t' or "Mari kita bahas. "
  local body = string.format(
    '{"user_id":%d,"subject_id":%d,"question":"Pertanyaan %s: bagaimana cara menyelesaikan persamaan kuadrat ini?",' ..
      '"response":"%s%s","confidence":%.3f}',
    pupil.id, math.random(30), noise, head, string.rep(noise .. " lalu sehingga ", 14), math.random())
  return post("/api/v1/chats", key, body)
end

local makers = {
  subject = function(_, key) return get("/api/v1/subjects/" .. math.random(30), key) end,
  session = function(pupil) return get("/api/v1/auth/session", pupil.token) end,
  page = function(pupil, key) return get("/api/v1/users/" .. pupil.id .. "/chats?limit=50", key) end,
  chat = chat,
  login = function(pupil)
    return post("/api/v1/auth/login", nil, string.format('{"username":"%s","password":"%s"}', pupil.name, pupil.password))
  end,
  path = function(line, key) return get(line.id, key) end,
  user = function(pupil, key) return get("/api/v1/users/" .. pupil.id, key) end,
  count = function(pupil, key) return get("/api/v1/users/" .. pupil.id .. "/chats/count", key) end,
}

-- What a school asks, in 300 requests.
local school = { session = 210, page = 45, chat = 30, subject = 5, user = 5, count = 5 }

function init(args)
  local call, seed, pupils, key = args[1], tonumber(args[2]), read_pupils(args[3]), args[4]
  math.randomseed(seed * 100 + number)
  for name, weight in pairs(call == "school" and school or { [call] = 1 }) do
    local list = {}
    for i = 1, 1000 do list[i] = makers[name](pupils[math.random(#pupils)], key) end
    for _ = 1, weight do weights[#weights + 1] = list end
  end
end

function request()
  local list = weights[math.random(#weights)]
  return list[math.random(#list)]
end

-- requests, microseconds, three latencies in microseconds, and those without a good answer
function done(summary, latency, _)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), latency:percentile(99.9), e.status + e.connect + e.read + e.write + e.timeout))
end
