/* The rows of nodeBindings of a Thing of AzureIoT.BoundNodes_TS. fields: name to base type. */
function bindingsOf(thing, fields) {
  var table = thing.nodeBindings;
  return table === undefined || table === null ? [] : tableRows(table, fields);
}

/* Beside a property that is written to its node stands one of its name and this, with the value that comes from the node: what comes from
   the node never goes back to it. */
function reportedName(property) {
  return property + "_reported";
}

/* The property that holds the value of the node. */
function valueProperty(binding) {
  return binding.isWritable === true ? reportedName(binding.property) : binding.property;
}
