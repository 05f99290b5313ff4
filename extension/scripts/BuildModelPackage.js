/* Has the sidecar make an extension of device models, and saves it in a file repository, from which Composer can import it. */
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
  target.SaveBinary({ path: file, content: base64DecodeBytes(answer.content) });
  var names = answer.templates.map(function (made) {
    return made.template;
  });
  return toTable(
    [{ path: file, size: answer.size, templates: names.join(", "), notes: answer.notes.join(" ") }],
    RESULT_TYPE
  );
}

var result = run();
