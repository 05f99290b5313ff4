/* The text of whatever was thrown: an Error, a Java exception or a text. From an error that came out of another service
   only "CODE: detail" is kept, without what each level of calls put before it. */
function errorText(thrown) {
  var text = String((thrown && thrown.message) || thrown);
  var coded = /(^|[^A-Za-z0-9_])((?:[A-Z]+(?:_[A-Z0-9]+)+|INTERNAL|STOPPING|UNAUTHORIZED): [\s\S]+)$/.exec(
    text
  );
  return coded ? coded[2] : text;
}

/* The code at the start of such a text, or an empty text. */
function errorCode(text) {
  var match = /^([A-Z][A-Z0-9_]+): /.exec(text);
  return match ? match[1] : "";
}
