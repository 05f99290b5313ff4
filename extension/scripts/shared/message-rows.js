/* A field as the device gets it: numbers, booleans and JSON as they are, times as milliseconds, tables as arrays. */
function messageValue(value, baseType) {
  switch (baseType) {
    case "NUMBER":
    case "INTEGER":
    case "LONG":
      return Number(value);
    case "BOOLEAN":
      return String(value) === "true";
    case "DATETIME":
      return new Date(isoTime(value)).getTime();
    case "JSON":
    case "LOCATION":
      return unboxed(value);
    case "INFOTABLE":
      return messageRows(value);
    default:
      return String(value);
  }
}

/* The rows of an INFOTABLE as a device gets them. */
function messageRows(infoTable) {
  var fields = infoTable.dataShape.fields;
  return infoTable.rows.toArray().map(function (row) {
    var object = {};
    Object.keys(fields).forEach(function (name) {
      var value = row[name];
      if (value !== undefined && value !== null) {
        object[name] = messageValue(value, String(fields[name].baseType));
      }
    });
    return object;
  });
}
