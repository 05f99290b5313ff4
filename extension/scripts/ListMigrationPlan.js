/* The plan of a migration as rows for a grid; the summary comes first. */
function run() {
  var input = {};
  if (isSet(sourceHub)) {
    input.sourceHub = String(sourceHub);
  }
  if (isSet(thingName)) {
    input.thingName = String(thingName);
  }
  try {
    var plan = chosenThing(thing, "hub").PlanMigration(input).rows[0];
    var rows = tableRows(plan.steps, RESULT_TYPE.fields);
    return toTable(
      [{ kind: "summary", source: "", outcome: "", message: String(plan.summary) }].concat(rows),
      RESULT_TYPE
    );
  } catch (thrown) {
    throw withRemedy(thrown);
  }
}

var result = run();
