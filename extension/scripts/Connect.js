/* Sends the settings of this Thing to the sidecar. Secrets follow one by one: for each the sidecar has answered a ticket,
   and the platform sends the PASSWORD property as the password of the call that redeems it. */
function readSettings() {
  var settings = {};
  HUB_SETTINGS.forEach(function (setting) {
    var value = me[setting.name];
    if (!isSet(value)) {
      return;
    }
    if (setting.baseType === "JSON") {
      value = unboxed(value);
      if (Object.keys(value).length === 0) {
        return;
      }
    } else if (setting.baseType === "INTEGER" || setting.baseType === "NUMBER") {
      value = Number(value);
    } else if (setting.baseType === "BOOLEAN") {
      value = String(value) === "true";
    } else {
      value = String(value);
    }
    settings[setting.name] = value;
  });
  return settings;
}

function secretNames() {
  return HUB_SECRETS.filter(function (name) {
    return isSet(me[name]);
  });
}

function connectOnce(request) {
  var path = "/v1/hubs/" + encodeURIComponent(me.name);
  var answer = plain(me.CallSidecar({ method: "PUT", path: path, content: request }));
  if (answer.tickets.length === 0) {
    return answer.status;
  }
  answer.tickets.every(handOver);
  return plain(me.CallSidecar({ method: "GET", path: path + "/status" }));
}

function run() {
  try {
    var status;
    /* A setting may change while it is being sent: what counts in the end is what the Thing holds. */
    for (var attempt = 0; attempt < 3; attempt++) {
      var request = { settings: readSettings(), secretNames: secretNames() };
      status = connectOnce(request);
      if (
        JSON.stringify(request) === JSON.stringify({ settings: readSettings(), secretNames: secretNames() })
      ) {
        break;
      }
    }
    me.ReceiveStatus({ status: status });
    return status;
  } catch (thrown) {
    var text = errorText(thrown);
    me.ReceiveStatus({
      status: {
        state: /^SIDECAR_/.test(text) ? "unreachable" : "failed",
        lastError: { code: errorCode(text) || "INTERNAL", message: text, time: new Date().toISOString() }
      }
    });
    throw new Error(text);
  }
}

var result = run();
