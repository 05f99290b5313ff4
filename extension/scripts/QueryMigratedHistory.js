/* The history of this Thing and, before it, that of the Thing that it was migrated from, which keeps its entries under its own name. */
function rowsOfThing(thing, input) {
  var names = Resources["InfoTableFunctions"].FromJSON({
    json: {
      dataShape: {
        fieldDefinitions: {
          name: { name: "name", baseType: "STRING", description: "", ordinal: 0, aspects: {} }
        }
      },
      rows: [{ name: String(property) }]
    }
  });
  var query = { propertyNames: names, maxItems: input.most, oldestFirst: input.oldestFirst };
  if (isSet(startDate)) {
    query.startDate = startDate;
  }
  if (isSet(endDate)) {
    query.endDate = endDate;
  }
  return thing
    .QueryNamedPropertyHistory(query)
    .rows.toArray()
    .map(function (row) {
      var value = row[String(property)];
      var point = { thing: String(thing.name), time: isoTime(row.timestamp) };
      if (isSet(value)) {
        point.text =
          typeof value === "object" && typeof value.getTime !== "function"
            ? JSON.stringify(plain(value))
            : String(value);
        if (typeof value === "number") {
          point.number = Number(value);
        }
      }
      return point;
    });
}

function run() {
  if (!isSet(property)) {
    throw new Error("REQUEST_INVALID: property is required.");
  }
  var input = {
    most: isSet(maxItems) ? Number(maxItems) : 500,
    oldestFirst: isSet(oldestFirst) && String(oldestFirst) === "true"
  };
  var rows = rowsOfThing(me, input);
  var source = isSet(me.migratedFrom) ? Things[String(me.migratedFrom)] : undefined;
  if (source) {
    rows = rows.concat(rowsOfThing(source, input));
  }
  rows.sort(function (a, b) {
    return (a.time < b.time ? -1 : a.time > b.time ? 1 : 0) * (input.oldestFirst ? 1 : -1);
  });
  return toTable(rows.slice(0, input.most), HISTORY_TYPE);
}

var result = run();
