/* Makes a download link for a file and hands it to the device: by a direct method, whose answer is the result, or by a message. */
function run() {
  var hub = hubOf();
  var input = fileOf(repository, path);
  input.deviceId = deviceIdOf(me);
  if (isSet(methodName)) {
    input.methodName = String(methodName);
  }
  if (isSet(moduleId)) {
    input.moduleId = String(moduleId);
  }
  if (isSet(information)) {
    input.information = unboxed(information, "information");
  }
  if (isSet(minutes)) {
    input.minutes = Number(minutes);
  }
  if (isSet(responseTimeoutSeconds)) {
    input.responseTimeoutSeconds = Number(responseTimeoutSeconds);
  }
  try {
    var answer = plain(
      hub.CallSidecar({
        operation: "SendFileToDevice",
        input: input,
        timeoutSeconds: 12 + (isSet(responseTimeoutSeconds) ? Number(responseTimeoutSeconds) : 15)
      })
    );
    return toTable([answer], RESULT_TYPE);
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
}

var result = run();
