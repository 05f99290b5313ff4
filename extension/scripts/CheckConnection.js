/* Tests what lies between ThingWorx and the sidecar, then has the sidecar test the rest. The result is a table and never an error. */
var steps = [];

function add(step, outcome, timeMs, message) {
  steps.push({
    step: step,
    outcome: outcome,
    timeMs: timeMs,
    message: message,
    remedy: outcome === "failed" ? REMEDIES[errorCode(message)] || "Look at the message." : ""
  });
}

function attempt(step, work) {
  var started = new Date().getTime();
  try {
    var message = work();
    add(step, "ok", new Date().getTime() - started, message);
    return "";
  } catch (thrown) {
    var text = errorText(thrown);
    add(step, "failed", new Date().getTime() - started, text);
    return text;
  }
}

function checkAddress() {
  var failed = attempt("Settings of the sidecar", function () {
    if (!isSet(me.sidecarUrl)) {
      throw new Error("SETTING_MISSING: sidecarUrl of " + me.name + " is not set.");
    }
    if (!isSet(me.sidecarToken)) {
      throw new Error("SETTING_MISSING: sidecarToken of " + me.name + " is not set.");
    }
    return "sidecarUrl is " + me.sidecarUrl + ", and sidecarToken is set.";
  });
  return failed === "";
}

/* Two steps from one call: a sidecar that refuses the token has answered. */
function checkSidecar() {
  var started = new Date().getTime();
  var facts;
  var text = "";
  try {
    facts = plain(me.CheckSidecar());
  } catch (thrown) {
    text = errorText(thrown);
  }
  var timeMs = new Date().getTime() - started;
  if (facts) {
    add("Sidecar", "ok", timeMs, "Version " + facts.version + ", up for " + facts.uptimeSeconds + " s.");
    add("Token", "ok", timeMs, "The sidecar takes sidecarToken.");
    return true;
  }
  if (errorCode(text) === "UNAUTHORIZED") {
    add("Sidecar", "ok", timeMs, "It answers.");
    add("Token", "failed", timeMs, text);
  } else {
    add("Sidecar", "failed", timeMs, text);
    add("Token", "skipped", 0, "The sidecar was not reached.");
  }
  return false;
}

function checkSettings() {
  attempt("Settings of the hub", function () {
    var status = plain(me.Connect());
    var reason = status.reason ? ": " + status.reason : "";
    return "The sidecar has the settings; the connection is " + status.state + reason + ".";
  });
}

function run() {
  if (checkAddress() && checkSidecar()) {
    checkSettings();
    var path = "/v1/hubs/" + encodeURIComponent(me.name) + "/check";
    try {
      var answer = plain(me.CallSidecar({ method: "POST", path: path, content: {}, timeoutSeconds: 25 }));
      steps = steps.concat(answer.steps);
    } catch (thrown) {
      add("Check by the sidecar", "failed", 0, errorText(thrown));
    }
  }
  return toTable(steps, "AzureIoT.CheckStep_DS", STEP_FIELDS);
}

var result = run();
