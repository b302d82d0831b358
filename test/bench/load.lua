-- wrk: each request with the next token of a file which holds one a line. Prints one line of JSON.
local requests = {}
local at = 0

function init(arguments)
  for token in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format('GET', '/', { ['Authorization'] = 'Bearer ' .. token, ['Host'] = 'api.example' })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('{"requests":%d,"microseconds":%d,"failed":%d}\n', summary.requests, summary.duration, failed))
end
