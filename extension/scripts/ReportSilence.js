/* Finds out why the sidecar has not written its status, and shows it. */
function silence(status, sinceMs) {
  var seconds = sinceMs ? " for " + Math.round((new Date().getTime() - sinceMs) / 1000) + " seconds" : "";
  var problem = status.lastError;
  return (
    "SIDECAR_SILENT: The sidecar answers, and has not written its status to this Thing" +
    seconds +
    ": its application key has expired or lacks a right, or it does not reach ThingWorx." +
    (problem ? " Its last error is " + problem.code + ": " + problem.message : "")
  );
}

function statusTimeMs() {
  return me.statusTime ? me.statusTime.getTime() : 0;
}

function run() {
  var sinceMs = statusTimeMs();
  var text;
  try {
    text = silence(plain(askWithToken({ operation: "GetStatus", endMs: budgetEnd(5) })), sinceMs);
  } catch (thrown) {
    text = errorText(thrown);
  }
  if (statusTimeMs() !== sinceMs) {
    /* A status was written while the sidecar was asked: it is newer than what is known here. */
    return;
  }
  if (errorCode(text) === "HUB_NOT_CONNECTED") {
    /* A sidecar that was started anew, and could not ask this Thing to connect. */
    me.ConnectInBackground();
    return;
  }
  me.ReceiveStatus({
    status: {
      state: "unreachable",
      lastError: { code: errorCode(text) || "SIDECAR_SILENT", message: text, time: new Date().toISOString() }
    }
  });
  logger.warn("Azure IoT hub Thing {} has no news of its sidecar: {}", me.name, text);
}

run();
