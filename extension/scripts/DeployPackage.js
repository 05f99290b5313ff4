/* Begins the deployment of a package: the container Thing says where its file lies, the sidecar does the rest. */
function required(value, parameter) {
  if (!isSet(value)) {
    throw new Error("REQUEST_INVALID: " + parameter + " is required.");
  }
  return String(value);
}

function fileOf() {
  var container = Things[required(repository, "repository")];
  if (!container) {
    throw new Error(
      "REQUEST_INVALID: repository names a Thing that does not exist or is not visible: " + repository
    );
  }
  if (!isSet(container.storageThing) || !isSet(container.containerName)) {
    throw new Error("SETTING_MISSING: storageThing or containerName of " + repository + " is not set.");
  }
  return {
    account: String(container.storageThing),
    container: String(container.containerName),
    path: required(path, "path")
  };
}

function run() {
  var hub = hubOf();
  var input = fileOf();
  input.name = required(name, "name");
  input.version = required(version, "version");
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
    input.information = plain(information);
  }
  if (isSet(timeoutMinutes)) {
    input.timeoutMinutes = Number(timeoutMinutes);
  }
  if (isSet(deleteFile)) {
    input.deleteFile = String(deleteFile) === "true";
  }
  try {
    return plain(hub.CallSidecar({ method: "POST", path: deviceRoute("/packages"), content: input }));
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
}

var result = run();
