/* Tests what lies between ThingWorx and the sidecar, then has the sidecar test the rest. The result is a table and never an error. */
var steps = [];

function add(step, outcome, timeMs, message, remedy) {
  steps.push({
    step: step,
    outcome: outcome,
    timeMs: timeMs,
    message: message,
    remedy: remedy || (outcome === "failed" ? REMEDIES[errorCode(message)] || "Look at the message." : "")
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
    requireToken();
    return (
      "sidecarUrl is " +
      me.sidecarUrl +
      ", and " +
      (isSet(me.sidecarToken) ? "sidecarToken" : "sidecarTokenText") +
      " is set."
    );
  });
  return failed === "";
}

/* How the token reached the sidecar, in plain words. */
function addToken(timeMs) {
  var form = String(me.tokenPassedAs || "");
  if (form === "decrypted") {
    add(
      "Token",
      "ok",
      timeMs,
      "The sidecar takes sidecarToken. This ThingWorx hands on PASSWORD values encrypted, so EncryptionServices decrypts it first."
    );
  } else if (form === "text" && isSet(me.sidecarToken)) {
    add(
      "Token",
      "warning",
      timeMs,
      "The sidecar takes sidecarTokenText, which everybody reads who may read properties of this Thing. This ThingWorx hands on PASSWORD " +
        "values encrypted or masked, and EncryptionServices does not decrypt them.",
      "Call GrantPermissions, so that EncryptionServices may decrypt sidecarToken, and clear sidecarTokenText when that works."
    );
  } else {
    add(
      "Token",
      "ok",
      timeMs,
      "The sidecar takes " + (form === "text" ? "sidecarTokenText." : "sidecarToken.")
    );
  }
}

/* Compares "major.minor.patch" as numbers: 0.9.0 is older than 0.10.0. */
function isOlder(version, other) {
  var parts = version.split(".").map(Number);
  var others = other.split(".").map(Number);
  for (var i = 0; i < others.length; i++) {
    if (parts[i] !== others[i]) {
      return parts[i] < others[i];
    }
  }
  return false;
}

function addSidecar(facts, timeMs) {
  var version = String(facts.version);
  if (version === EXTENSION_VERSION) {
    add("Sidecar", "ok", timeMs, "Version " + version + ", up for " + facts.uptimeSeconds + " s.");
    return;
  }
  add(
    "Sidecar",
    "warning",
    timeMs,
    "The sidecar is " + version + ", the extension " + EXTENSION_VERSION + ".",
    isOlder(version, EXTENSION_VERSION)
      ? "Replace the folder of the sidecar with the one of the new zip, and restart the sidecar."
      : "Import the extension " + version + " into ThingWorx."
  );
}

/* Two steps from one call: a sidecar that refuses the token has answered. */
function checkSidecar(endMs) {
  var started = new Date().getTime();
  var facts;
  var text = "";
  try {
    facts = plain(askWithToken({ operation: "CheckSidecar", endMs: Math.min(endMs, budgetEnd(6)) }));
  } catch (thrown) {
    text = errorText(thrown);
  }
  var timeMs = new Date().getTime() - started;
  if (facts) {
    addSidecar(facts, timeMs);
    addToken(timeMs);
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

/* Without a value stream the values of created properties have no history. */
function checkValueStream() {
  if (!isSet(me.deviceValueStream)) {
    add(
      "Value stream",
      "skipped",
      0,
      "deviceValueStream is not set: created Things and properties have no history."
    );
    return;
  }
  attempt("Value stream", function () {
    var name = String(me.deviceValueStream);
    if (!Things[name]) {
      throw new Error(
        "SETTING_INVALID: deviceValueStream names a Thing that does not exist or is not visible: " +
          name +
          "."
      );
    }
    return "Created Things use " + name + ".";
  });
}

function checkSettings(endMs) {
  attempt("Settings of the hub", function () {
    try {
      var status = connectHub(Math.min(endMs, budgetEnd(8)));
      var reason = status.reason ? ": " + status.reason : "";
      return "The sidecar has the settings; the connection is " + status.state + reason + ".";
    } catch (thrown) {
      var text = errorText(thrown);
      showConnectFailure(text);
      throw new Error(text);
    }
  });
}

function run() {
  /* Services are not called from here: one that throws leaves an error in the log of ThingWorx, although it is caught. */
  var endMs = budgetEnd(26);
  if (checkAddress() && checkSidecar(endMs)) {
    checkSettings(endMs);
    checkValueStream();
    try {
      var answer = plain(askWithToken({ operation: "CheckConnection", endMs: endMs }));
      steps = steps.concat(answer.steps);
    } catch (thrown) {
      add("Check by the sidecar", "failed", 0, errorText(thrown));
    }
  }
  return toTable(steps, RESULT_TYPE);
}

var result = run();
