/* The text of whatever was thrown: an Error, a Java exception or a text. From an error that came out of another service
   only "CODE: detail" is kept, without what each level of calls put before it. What the platform refuses for want of a right has no code. */
function errorText(thrown) {
  var text = String((thrown && thrown.message) || thrown);
  var coded =
    /(^|[^A-Za-z0-9_])((?:[A-Z]+(?:_[A-Z0-9]+)+|INTERNAL|STOPPING|UNAUTHORIZED|UNHEALTHY): [\s\S]+)$/.exec(
      text
    );
  if (coded) {
    return coded[2];
  }
  return /not authorized/i.test(text) ? "THINGWORX_FORBIDDEN: " + text : text;
}

/* The code at the start of such a text, or an empty text. */
function errorCode(text) {
  var match = /^([A-Z][A-Z0-9_]+): /.exec(text);
  return match ? match[1] : "";
}

/* "CODE: text", also of what has no code. */
function withCode(text) {
  return errorCode(text) === "" ? "INTERNAL: " + text : text;
}

/* "CODE: text", whoever says it. */
function codedText(problem) {
  var message = String(problem.message || "");
  return errorCode(message) !== "" || !isSet(problem.code) ? message : problem.code + ": " + message;
}

/* What an error says of wrong inputs, with the names that the service has for them. names: input of the operation to that of the service. */
function inNamesOf(text, names) {
  if (errorCode(text) !== "REQUEST_INVALID") {
    return text;
  }
  return Object.keys(names).reduce(function (said, name) {
    return said.replace(new RegExp("\\b" + name + "\\b"), names[name]);
  }, text);
}
