/* Begins the deployment of a package: the container Thing says where its file lies, the sidecar does the rest. */
function run() {
  var hub = hubOf();
  var input = fileOf(repository, path);
  input.deviceId = deviceIdOf(me);
  input.name = requiredText(name, "name");
  input.version = requiredText(version, "version");
  if (isSet(delivery)) {
    input.delivery = String(delivery);
  }
  if (isSet(methodName)) {
    input.methodName = String(methodName);
  }
  if (isSet(moduleId)) {
    input.moduleId = String(moduleId);
  }
  if (isSet(information)) {
    input.information = given(information, "information");
  }
  if (isSet(timeoutMinutes)) {
    input.timeoutMinutes = Number(timeoutMinutes);
  }
  if (isSet(deleteFile)) {
    input.deleteFile = String(deleteFile) === "true";
  }
  try {
    var answer = plain(hub.CallSidecar({ operation: "DeployPackage", input: input }));
    return toTable([answer], RESULT_TYPE);
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
}

var result = run();
