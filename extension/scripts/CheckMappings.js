/* Says what is wrong in mappings that somebody is editing. */
var result = outcomeOf(function () {
  var problems = tableRows(
    chosenThing(thing, "hub").ValidateMappings({ mappings: typedJson("mappings", mappings) || {} }),
    { pointer: "STRING", message: "STRING" }
  );
  if (problems.length > 0) {
    throw new Error("MAPPINGS_INVALID: " + problemText(problems));
  }
}, "The mappings can be used, and their own tests pass.");
