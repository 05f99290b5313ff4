/* Has the sidecar make an extension of device models, and saves it in a file repository, from which Composer can import it. */
/* What a container Thing or the platform refuses has a reason, and not always a code. */
function save(target, file, content) {
  try {
    target.SaveBinary({ path: file, content: base64DecodeBytes(content) });
  } catch (thrown) {
    var text = errorText(thrown);
    throw new Error(
      errorCode(text) === ""
        ? "REQUEST_INVALID: The package cannot be saved as " +
            file +
            " in " +
            target.name +
            ", which must be a file repository: " +
            text
        : text
    );
  }
}

function run() {
  var target = Things[requiredText(repository, "repository")];
  if (!target) {
    throw new Error(
      "REQUEST_INVALID: repository names a Thing that does not exist or is not visible: " + repository
    );
  }
  var file = requiredText(path, "path");
  var input = { models: unboxed(models, "models") };
  if (isSet(packageName)) {
    input.packageName = String(packageName);
  }
  if (isSet(packageVersion)) {
    input.packageVersion = String(packageVersion);
  }
  if (isGiven(templates)) {
    input.templates = unboxed(templates, "templates");
  }
  if (isSet(sendAs)) {
    input.sendAs = String(sendAs);
  }
  if (isGiven(exceptions)) {
    input.exceptions = given(exceptions, "exceptions");
  }
  if (isSet(logged)) {
    input.logged = String(logged) === "true";
  }
  var answer;
  try {
    answer = plain(me.CallSidecar({ operation: "BuildModelPackage", input: input, timeoutSeconds: 20 }));
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
  save(target, file, answer.content);
  return toTable([answer], RESULT_TYPE);
}

var result = run();
