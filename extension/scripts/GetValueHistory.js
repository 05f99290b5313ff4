/* The last values of a property, the oldest first, for a chart. */
function run() {
  var device = chosenThing(thing, "device");
  if (!isSet(property)) {
    return toTable([], RESULT_TYPE);
  }
  var names = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({
    infoTableName: "InfoTable",
    dataShapeName: "EntityList"
  });
  names.AddRow({ name: String(property) });
  var points = device
    .QueryNamedPropertyHistory({
      propertyNames: names,
      maxItems: isSet(maxItems) ? maxItems : 100,
      oldestFirst: false
    })
    .rows.toArray()
    .filter(function (row) {
      return isSet(row[property]) && isFinite(Number(row[property]));
    })
    .map(function (row) {
      return { time: new Date(row.timestamp.getTime()), value: Number(row[property]) };
    })
    .reverse();
  var labels = axisTexts(
    points.map(function (point) {
      return point.time;
    })
  );
  return toTable(
    points.map(function (point, index) {
      return { label: labels[index], value: point.value };
    }),
    RESULT_TYPE
  );
}

var result = run();
