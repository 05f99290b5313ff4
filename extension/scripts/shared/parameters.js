/* A DATETIME parameter as ISO 8601 text. */
function isoTime(value) {
  return new Date(
    typeof value.getTime === "function" ? value.getTime() : Date.parse(String(value))
  ).toISOString();
}

/* The rows of an INFOTABLE parameter as ordinary objects; what is not set is left out. fields: name to base type. */
function tableRows(table, fields) {
  return table.rows.toArray().map(function (row) {
    var object = {};
    Object.keys(fields).forEach(function (name) {
      if (isSet(row[name])) {
        object[name] = scriptValue(row[name], fields[name], name);
      }
    });
    return object;
  });
}

/* A platform value as JSON holds it. */
function scriptValue(value, baseType, name) {
  switch (baseType) {
    case "NUMBER":
    case "INTEGER":
    case "LONG":
      return Number(value);
    case "BOOLEAN":
      return String(value) === "true";
    case "DATETIME":
      return isoTime(value);
    case "JSON":
      return unboxed(value, name);
    case "BLOB":
    case "IMAGE":
      return typeof value === "string" ? value : String(base64EncodeBytes(value));
    case "XML":
      /* XML is a type of its own to this engine; the text of an element without children would be its content alone. */
      return typeof value === "xml" ? value.toXMLString() : String(value);
    default:
      return String(value);
  }
}

/* A name as a part of a path. Whatever carries the request takes "." and ".." for directions: it would reach something else. */
function pathPart(name) {
  var text = String(name);
  if (text === "." || text === "..") {
    throw new Error("REQUEST_INVALID: " + text + " is no id: it would lead somewhere else.");
  }
  return encodeURIComponent(text);
}
