/* The settings of this hub Thing that are no secrets. */
function readSettings() {
  var settings = {};
  HUB_SETTINGS.forEach(function (setting) {
    var value = me[setting.name];
    if (!isSet(value)) {
      return;
    }
    if (setting.baseType === "JSON") {
      value = unboxed(value, setting.name);
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

/* What the sidecar gets: the settings, and which secrets follow. */
function connectRequest() {
  var secrets = secretsOf(HUB_SECRETS);
  return { settings: readSettings(), secretNames: secrets.names, withheld: secrets.withheld };
}

/* Sends the settings. Secrets follow one by one: for each the sidecar has answered a ticket, and ThingWorx sends the PASSWORD
   property as the password of the call that redeems it. */
function connectOnce(request, address, endMs) {
  var answer = plain(askWithToken({ operation: "Connect", input: request, address: address, endMs: endMs }));
  if (answer.tickets.length === 0) {
    return answer.status;
  }
  handOverAll(answer.tickets, address, endMs);
  return readStatus(address, endMs);
}

/* address: empty for any sidecar of a group. */
function readStatus(address, endMs) {
  return plain(askWithToken({ operation: "GetStatus", address: address, endMs: endMs }));
}

/* Without a storage account only one sidecar can read: checkpoints and the ownership of partitions would have no place that all see. */
function requireSharedStorage(address) {
  if (isSet(me.storageConnectionString) || isSet(secretReferences().storageConnectionString)) {
    return;
  }
  var certain = certainAddresses();
  var eldest = certain.living.concat(certain.others)[0];
  if (address !== eldest) {
    throw new Error(
      "STORAGE_REQUIRED: " +
        me.name +
        " has no storageConnectionString, so only one sidecar can read its partitions, which is the one at " +
        eldest +
        ". The one at " +
        address +
        " is not used. Set storageConnectionString, so that sidecars can share the partitions."
    );
  }
}

function connectSidecar(address, endMs) {
  var status;
  requireSharedStorage(address);
  /* A setting may change while it is being sent: what counts in the end is what the Thing holds. */
  for (var attempt = 0; attempt < 3; attempt++) {
    var request = connectRequest();
    status = connectOnce(request, address, endMs);
    if (JSON.stringify(request) === JSON.stringify(connectRequest())) {
      break;
    }
  }
  return status;
}

/* Brings the settings of this Thing to the sidecar and shows the status that it answers, also when it refuses a setting. */
function connectHub(endMs) {
  var status;
  try {
    eachSidecar(endMs, function (address, partMs) {
      status = connectSidecar(address, partMs);
      me.ReceiveStatus({ status: status });
    });
  } catch (thrown) {
    var text = errorText(thrown);
    showConnectFailure(text, endMs);
    throw new Error(text);
  }
  return groupStatus(status);
}

/* Shows on this Thing why it is not connected. A hub whose setting is refused goes on with the last accepted value. */
function showConnectFailure(text, endMs) {
  var isAway = /^SIDECAR_/.test(text);
  var status;
  try {
    status = isAway || errorCode(text) === "UNAUTHORIZED" ? undefined : readStatus("", endMs);
  } catch (ignored) {
    status = undefined;
  }
  me.ReceiveStatus({
    status: status || {
      state: isAway ? "unreachable" : "failed",
      lastError: { code: errorCode(text) || "INTERNAL", message: text, time: new Date().toISOString() }
    }
  });
}

/* A status with its counters and its last error also as members of their own, which are columns of the result. */
function statusRow(status) {
  var row = {};
  [status, status.counters].forEach(function (members) {
    Object.keys(members).forEach(function (name) {
      row[name] = members[name];
    });
  });
  /* Another sidecar may run the canary. */
  var canary = status.canary;
  row.canaryState = canary ? canary.state : String(me.canaryState);
  row.canaryReason = canary ? canary.reason : String(me.canaryReason || "");
  row.canaryPaths = canary
    ? canary.paths
    : me.canaryPaths
      ? tableRows(me.canaryPaths, CANARY_TYPE.fields)
      : [];
  var problem = status.lastError;
  if (problem) {
    row.lastErrorCode = problem.code;
    row.lastErrorMessage = problem.message;
    row.lastErrorTime = problem.time;
    row.lastErrorRemedy = REMEDIES[problem.code];
  }
  return row;
}
