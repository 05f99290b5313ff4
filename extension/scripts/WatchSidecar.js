/* Called each minute by the Thing AzureIoT.Watch: a sidecar that is dead writes nothing, so that the last status would stand for ever. */
var SILENT_MS = 90000;

function run() {
  var state = String(me.connectionStatus || "");
  if (state === "unreachable") {
    /* A sidecar that was too slow for the settings, or was away when they changed. One that answers and is silent must be mended first. */
    if (String(me.lastErrorCode) !== "SIDECAR_SILENT") {
      me.ConnectInBackground();
    }
    return;
  }
  var reports = state === "connecting" || state === "running" || state === "waiting";
  if (reports && me.statusTime && new Date().getTime() - me.statusTime.getTime() > SILENT_MS) {
    me.ReportSilence();
  }
}

run();
