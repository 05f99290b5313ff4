/* Binds the nodes that somebody has selected, rows of FindNodes, to properties of a Thing. */
function run() {
  var publisher = chosenThing(thing, "OPC Publisher");
  var ids = selectedRows(nodes).map(function (row) {
    return { nodeId: String(row.nodeId) };
  });
  if (!isSet(boundThing)) {
    throw new Error("REQUEST_INVALID: Thing is empty; enter the name of the Thing that gets the properties.");
  }
  var request = {
    endpointUrl: endpointUrl,
    thing: String(boundThing),
    createThing: true,
    isWritable: String(isWritable) === "true",
    logged: String(logged) === "true",
    nodes: toTable(ids, { dataShape: "AzureIoT.NodeToBind_DS", fields: { nodeId: "STRING" } })
  };
  if (isSet(writerGroup)) {
    request.writerGroup = String(writerGroup);
  }
  if (isSet(thingTemplate)) {
    request.thingTemplate = String(thingTemplate);
  }
  if (isSet(project)) {
    request.project = String(project);
  }
  if (isSet(publishingIntervalMs)) {
    request.publishingIntervalMs = Number(publishingIntervalMs);
  }
  checkAll(tableRows(publisher.BindNodes(request), ROW_FIELDS), "published", "nodes are bound and published");
}

var result = outcomeOf(run, "The nodes are bound.");
