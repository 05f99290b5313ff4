/* Sends a value to the device by a direct method, for a subscription that does not wait for it. */
function run() {
  var problem;
  try {
    var answer = me.InvokeMethod({
      methodName: String(method),
      payloadText: JSON.stringify(plain(content).value),
      responseTimeoutSeconds: me.commandTimeoutSeconds,
      connectTimeoutSeconds: me.connectTimeoutSeconds
    }).rows[0];
    if (!modelAccepted(answer)) {
      problem = modelRefusal(method, answer);
    }
  } catch (thrown) {
    problem = errorText(thrown);
  }
  if (problem !== undefined) {
    me.PropertyWriteFailed({
      deviceId: deviceIdOf(me),
      method: String(method),
      code: errorCode(problem) || "INTERNAL",
      message: problem,
      attempted: boxed({ value: plain(content).value }),
      time: new Date()
    });
  }
}

run();
