function run() {
  try {
    var status = plain(me.CallSidecar({ operation: "GetStatus" }));
    me.ReceiveStatus({ status: status });
    return toTable([statusRow(groupStatus(status))], RESULT_TYPE);
  } catch (thrown) {
    var text = errorText(thrown);
    var code = errorCode(text) || "INTERNAL";
    me.ReceiveStatus({
      status: {
        state: code === "HUB_NOT_CONNECTED" ? "stopped" : "unreachable",
        lastError: { code: code, message: text, time: new Date().toISOString() }
      }
    });
    throw new Error(text);
  }
}

var result = run();
