/* A time as the sidecar writes it, cut to milliseconds, which is all that the engine can read. */
function toDate(text) {
  return new Date(String(text).replace(/(\.\d{3})\d+/, "$1"));
}

/* JSON as the platform keeps it: an object; an array is boxed. */
function boxed(value) {
  return Array.isArray(value) ? { array: value } : value;
}

/* A value of the sidecar as a cell of an INFOTABLE. type: the base type, or for an INFOTABLE in the cell what toTable takes. A JSON cell
   holds nothing else than objects and arrays: it stays empty for a text or a number, which a column beside it holds. */
function toCell(value, type) {
  if (typeof type === "object") {
    return toTable(value, type);
  }
  if (type === "DATETIME") {
    return toDate(value);
  }
  if (type === "JSON") {
    return typeof value === "object" ? boxed(value) : undefined;
  }
  return value;
}

/* Rows of the sidecar as an INFOTABLE. type: dataShape, its name, and fields, name to type as toCell takes it. */
function toTable(rows, type) {
  var table = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({
    infoTableName: "InfoTable",
    dataShapeName: type.dataShape
  });
  rows.forEach(function (item) {
    var row = {};
    Object.keys(type.fields).forEach(function (name) {
      var value = item[name];
      var cell = value === undefined || value === null ? undefined : toCell(value, type.fields[name]);
      if (cell !== undefined) {
        row[name] = cell;
      }
    });
    table.AddRow(row);
  });
  return table;
}
