/* The status of a hub Thing as texts for labels, and its tables. It asks nobody: the sidecar writes the status every few seconds. */
function number(value, digits) {
  var rounded = Number(value) || 0;
  return rounded.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function time(value) {
  return isSet(value) && value.getTime() > 0 ? dateText(value) : "";
}

/* Such as "12,345 of 400,000 (3.1 %)". */
function quotaText(hub) {
  var used = number(hub.quotaUsed, 0);
  if (!(Number(hub.quotaLimit) > 0)) {
    return used;
  }
  return used + " of " + number(hub.quotaLimit, 0) + " (" + number(hub.quotaPercent, 1) + " %)";
}

function run() {
  var hub = chosenThing(thing, "hub");
  var code = isSet(hub.lastError) ? errorCode(String(hub.lastError)) : "";
  var error = isSet(hub.lastError) ? String(hub.lastError) : "";
  if (code !== "") {
    error += " What to do: " + String(me.ExplainError({ code: code }));
  }
  var table = toTable(
    [
      {
        state: String(hub.connectionStatus),
        error: error,
        since: time(hub.connectedSince),
        statusTime: time(hub.statusTime),
        rate: number(hub.ratePerSecond, 1),
        lag: number(hub.lag, 0),
        received: number(hub.messagesReceived, 0),
        delivered: number(hub.messagesDelivered, 0),
        ignored: number(hub.messagesIgnored, 0),
        deadLettered: number(hub.messagesDeadLettered, 0),
        canary:
          String(hub.canaryState || "off") + (isSet(hub.canaryReason) ? ": " + String(hub.canaryReason) : ""),
        quota: quotaText(hub),
        quotaForecast: number(hub.quotaForecast, 0),
        version: isSet(hub.sidecarVersion) ? String(hub.sidecarVersion) : ""
      }
    ],
    RESULT_TYPE
  );
  if (isSet(hub.partitionStatus)) {
    table.rows[0].partitions = hub.partitionStatus;
  }
  ["canaryPaths", "quotaSources", "quotaDevices"].forEach(function (name) {
    if (isSet(hub[name])) {
      table.rows[0][name] = hub[name];
    }
  });
  if (isSet(hub.recentErrors)) {
    table.rows[0].errors = hub.recentErrors;
  }
  return table;
}

var result = run();
