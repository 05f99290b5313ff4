/* Calls the sidecar and gives the result out of its envelope; a problem is thrown as Error("CODE: detail").
   request: url (where # and a name follow, the sidecar of that name behind a load balancer), method (PUT or POST), path, content (object), secretTicket, timeoutSeconds, and credentials, unless it goes without: token, or
   username and password.
   The platform's HTTP functions differ between versions: some throw when the answer is not 2xx, some do not; some add the
   keys responseStatus and responseHeaders to the answer, some only headers, some nothing. All are understood here. */
function askSidecar(request) {
  /* A load balancer chooses the sidecar anew for each connection: each is reached within some attempts. */
  var lastAttempt = 100;
  var parts = String(request.url).split("#");
  var endMs = new Date().getTime() + request.timeoutSeconds * 1000;
  for (var attempt = 1; ; attempt++) {
    try {
      return askOnce(request, parts[0], parts[1]);
    } catch (thrown) {
      var isOver = attempt === lastAttempt || new Date().getTime() > endMs;
      if (isOver || errorCode(errorText(thrown)) !== "SIDECAR_OTHER") {
        throw thrown;
      }
    }
  }
}

function askOnce(request, base, name) {
  var options = {
    url: base + request.path,
    headers: { Accept: "application/json", "X-Sidecar-Envelope": "1" },
    content: request.content,
    timeout: request.timeoutSeconds
  };
  if (isSet(name)) {
    options.headers["X-Sidecar-Name"] = name;
  }
  if (isSet(request.secretTicket)) {
    options.headers["X-Secret-Ticket"] = String(request.secretTicket);
  }
  var credentials = request.credentials || {};
  if (credentials.token !== undefined) {
    options.headers.Authorization = "Bearer " + credentials.token;
  } else if (credentials.username !== undefined) {
    options.username = credentials.username;
    options.password = credentials.password;
  }
  var loader = Resources["ContentLoaderFunctions"];
  var answer;
  try {
    answer = request.method === "PUT" ? loader.PutJSON(options) : loader.PostJSON(options);
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
