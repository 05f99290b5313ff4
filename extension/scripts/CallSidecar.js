/* The way from a service to the sidecar. */
function run() {
  /* Some services add what a caller grants the device: the sidecar refuses what is out of range, by its name. */
  var seconds = isSet(timeoutSeconds) ? Math.min(Math.max(Number(timeoutSeconds), 1), 3600) : 20;
  if (!/^(GET|PUT|POST|PATCH|DELETE)$/i.test(String(method))) {
    throw new Error("REQUEST_INVALID: method must be GET, PUT, POST, PATCH or DELETE.");
  }
  if (!/^\/[!-~]{0,65000}$/.test(String(path))) {
    throw new Error(
      "REQUEST_INVALID: path must begin with / and have encoded characters only, such as /v1/status."
    );
  }
  return askWithToken({ method: method, path: path, content: content, endMs: budgetEnd(seconds) });
}

var result = run();
