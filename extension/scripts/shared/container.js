/* A parameter that must be there, as text. */
function requiredText(value, parameter) {
  if (!isSet(value)) {
    throw new Error("REQUEST_INVALID: " + parameter + " is required.");
  }
  return String(value);
}

/* Where a file of a container Thing lies: account, container and path. */
function fileOf(repository, path) {
  var container = Things[requiredText(repository, "repository")];
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
    path: requiredText(path, "path")
  };
}
