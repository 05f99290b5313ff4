/* What a sample message would do with mappings that somebody is editing: a row for each value and each remark. */
function trial() {
  var answer = plain(
    chosenThing(thing, "hub").TestMapping({
      message: typedJson("message", message) || {},
      mappings: typedJson("mappings", mappings) || {}
    })
  );
  var rows = [];
  var add = function (kind, items) {
    items.forEach(function (item) {
      rows.push({
        id: String(rows.length + 1),
        outcome: kind,
        thing: item.thing || "",
        property: item.property || "",
        value: item.value === undefined ? "" : readable(item.value),
        detail: item.message || item.reason || item.baseType || ""
      });
    });
  };
  add("wrong", answer.problems);
  add("refused", answer.refused);
  add("ignored", answer.ignored);
  add("created", answer.created);
  add("written", answer.values);
  return rows;
}

function run() {
  var rows;
  try {
    rows = trial();
  } catch (thrown) {
    rows = [{ id: "1", outcome: "wrong", detail: withRemedy(thrown).message }];
  }
  return toTable(rows, RESULT_TYPE);
}

var result = run();
