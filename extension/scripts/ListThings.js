/* The Things that the user sees and may choose in a mashup, by name. */
function run() {
  var source = KINDS[String(kind)];
  if (!source) {
    throw new Error("REQUEST_INVALID: kind must be one of " + Object.keys(KINDS).join(", ") + ".");
  }
  var owner = source.isShape ? ThingShapes[source.name] : ThingTemplates[source.name];
  var rows = owner
    .GetImplementingThings()
    .rows.toArray()
    .map(function (row) {
      return { name: String(row.name), description: isSet(row.description) ? String(row.description) : "" };
    });
  rows.sort(function (a, b) {
    return a.name < b.name ? -1 : 1;
  });
  return toTable(rows, RESULT_TYPE);
}

var result = run();
