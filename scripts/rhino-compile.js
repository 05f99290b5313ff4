/* Runs inside the shell of Rhino, so in its language: compiles every script of a JSON file and prints what failed. */
(function (file) {
  var rhino = Packages.org.mozilla.javascript;
  var context = rhino.Context.getCurrentContext();
  var sources = JSON.parse(readFile(file, 'UTF-8'));
  var errors = [];
  var name = '';
  var failed = false;
  function report(message, source, line) {
    if (!failed) {
      failed = true;
      errors.push({ name: name, line: Number(line), message: String(message) });
    }
  }
  var reporter = new JavaAdapter(rhino.ErrorReporter, {
    warning: function () {},
    error: report,
    runtimeError: function (message, source, line, text, offset) {
      report(message, source, line);
      return new rhino.EvaluatorException(message, source, line, text, offset);
    },
  });
  var previous = context.setErrorReporter(reporter);
  for (var index = 0; index < sources.length; index++) {
    name = sources[index].name;
    failed = false;
    try {
      context.compileString(sources[index].source, name, 1, null);
    } catch (error) {
      report(error.message || error, name, error.lineNumber || 0);
    }
  }
  context.setErrorReporter(previous);
  print(JSON.stringify({ version: String(context.getImplementationVersion()), errors: errors }));
})(arguments[0]);
