/* Undoes the bindings that somebody has selected, rows of ListBindings. */
function run() {
  var publisher = chosenThing(thing, "OPC Publisher");
  var keys = selectedRows(bindings).map(function (row) {
    return { thing: String(row.thing), property: String(row.property) };
  });
  var request = {
    bindings: toTable(keys, {
      dataShape: "AzureIoT.NodeBindingKey_DS",
      fields: { thing: "STRING", property: "STRING" }
    }),
    removeProperties: String(removeProperties) === "true"
  };
  checkAll(tableRows(publisher.UnbindNodes(request), ROW_FIELDS), "unbound", "bindings are removed");
}

var result = outcomeOf(run, "The bindings are removed.");
