/* Writes mappings that somebody has edited, when they can be used and nobody else has changed them since. */
var result = outcomeOf(function () {
  var hub = chosenThing(thing, "hub");
  var wanted = typedJson("mappings", mappings);
  if (wanted === undefined) {
    throw new Error("REQUEST_INVALID: mappings are empty; {} stands for the defaults alone.");
  }
  var present = readable(isSet(hub.mappings) ? plain(hub.mappings) : {});
  if (!isSet(loaded) || String(loaded) !== present) {
    throw new Error(
      "PRECONDITION_FAILED: Somebody else has changed the mappings since they were loaded. Load them again."
    );
  }
  var problems = tableRows(hub.ValidateMappings({ mappings: wanted }), {
    pointer: "STRING",
    message: "STRING"
  });
  if (problems.length > 0) {
    throw new Error("MAPPINGS_INVALID: " + problemText(problems));
  }
  hub.mappings = wanted;
  return wanted;
}, "The mappings are saved. The sidecar uses them within seconds.");

/* What the editor has to compare with next time. */
if (result.rows[0].ok !== true) {
  result.rows[0].result = isSet(loaded) ? String(loaded) : "";
}
