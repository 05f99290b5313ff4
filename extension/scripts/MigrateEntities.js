/* Makes what one batch of a migration names, or says what it would make. Whatever fails stops nothing else. */
function run() {
  var content = contentOf("request", request);
  if (!Array.isArray(content.names)) {
    throw new Error("REQUEST_INVALID: request must have a list names, a kind and options.");
  }
  var options = migrationOptions(content.options || {});
  var templates = {};
  var steps = [];
  content.names.forEach(function (name) {
    steps.push(
      content.kind === "device"
        ? migrateDevice(name, options, templates, steps)
        : migrateAzureThing(content.kind, name, options)
    );
  });
  return { steps: steps };
}

var result = run();
