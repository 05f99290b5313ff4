/* Calls the sidecar and gives the result out of its envelope; a problem is thrown as Error("CODE: detail").
   request: url, username, password, method, path with query string, content (object), secretTicket, timeoutSeconds.
   The platform's HTTP functions differ between versions: some throw when the answer is not 2xx, some do not; some add the
   keys responseStatus and responseHeaders to the answer, some only headers, some nothing. All are understood here. */
function askSidecar(request) {
  var base = String(request.url === undefined || request.url === null ? "" : request.url).replace(/\/+$/, "");
  if (!/^https?:\/\/[^\s/]/i.test(base)) {
    throw new Error("SETTING_INVALID: sidecarUrl must be an address such as http://127.0.0.1:8780.");
  }
  var method = String(request.method).toUpperCase();
  var options = {
    url: base + request.path,
    headers: { Accept: "application/json", "X-Sidecar-Envelope": "1" },
    username: request.username,
    password: request.password,
    timeout: request.timeoutSeconds
  };
  if (isSet(request.secretTicket)) {
    options.headers["X-Secret-Ticket"] = String(request.secretTicket);
  }
  var loader = Resources["ContentLoaderFunctions"];
  var answer;
  try {
    if (method === "GET") {
      answer = loader.GetJSON(options);
    } else {
      options.content = request.content === undefined || request.content === null ? {} : request.content;
      if (method === "PUT") {
        answer = loader.PutJSON(options);
      } else {
        /* There is no PATCH, and Delete gives no dependable answer: both travel as POST. */
        if (method !== "POST") {
          options.headers["X-HTTP-Method-Override"] = method;
        }
        answer = loader.PostJSON(options);
      }
    }
  } catch (thrown) {
    throw transportError(thrown, base, request.timeoutSeconds);
  }
  return openEnvelope(answer, base);
}

function transportError(thrown, base, timeoutSeconds) {
  var text = String((thrown && thrown.message) || thrown);
  if (/\b401\b|unauthori[sz]ed/i.test(text)) {
    return tokenError();
  }
  if (/timed? ?out/i.test(text)) {
    return new Error(
      "SIDECAR_TIMEOUT: The sidecar at " + base + " did not answer within " + timeoutSeconds + " seconds."
    );
  }
  return new Error("SIDECAR_UNREACHABLE: The sidecar does not answer at " + base + ": " + text);
}

function tokenError() {
  return new Error(
    "UNAUTHORIZED: The sidecar refused the token: enter the one that the sidecar was started with."
  );
}

function openEnvelope(answer, base) {
  var body = answer === undefined || answer === null ? {} : JSON.parse(JSON.stringify(answer));
  if (typeof body === "string") {
    try {
      body = JSON.parse(body);
    } catch (ignored) {
      body = {};
    }
  }
  if (body.ok === true && body.result !== undefined && body.result !== null) {
    return body.result;
  }
  if (body.ok === false && body.problem) {
    throw new Error(
      String(body.problem.code || "INTERNAL") + ": " + String(body.problem.detail || body.problem.title)
    );
  }
  var status = body.responseStatus ? Number(body.responseStatus.statusCode) : 0;
  if (status === 401) {
    throw tokenError();
  }
  throw new Error(
    "SIDECAR_ANSWER_INVALID: What answers at " +
      base +
      (status ? " with HTTP status " + status : "") +
      " is no sidecar, or it refused sidecarToken: check both settings."
  );
}
