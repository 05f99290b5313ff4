/* Publishes or unpublishes nodes that somebody has selected: rows of Browse or of GetConfiguredNodes. */
var result = outcomeOf(function () {
  var publisher = chosenThing(thing, "OPC Publisher");
  var chosen = selectedRows(nodes).map(function (row) {
    return { id: String(isSet(row.nodeId) ? row.nodeId : row.id) };
  });
  var request = {
    endpointUrl: endpointUrl,
    nodes: toTable(chosen, { dataShape: "AzureIoT.OpcNode_DS", fields: { id: "STRING" } })
  };
  if (isSet(writerGroup)) {
    request.writerGroup = writerGroup;
  }
  publisher[SERVICE](request);
}, DONE);
