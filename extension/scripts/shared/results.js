/* A time as the sidecar writes it, cut to milliseconds, which is all that the engine can read. */
function toDate(text) {
  return new Date(String(text).replace(/(\.\d{3})\d+/, "$1"));
}

/* JSON as the platform keeps it: an object; an array is boxed. */
function boxed(value) {
  return Array.isArray(value) ? { array: value } : value;
}

/* Rows of the sidecar as an INFOTABLE. fields: name to base type. */
function toTable(rows, dataShape, fields) {
  var table = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({
    infoTableName: "InfoTable",
    dataShapeName: dataShape
  });
  rows.forEach(function (item) {
    var row = {};
    Object.keys(fields).forEach(function (name) {
      var value = item[name];
      if (value === undefined || value === null) {
        return;
      }
      row[name] =
        fields[name] === "DATETIME" ? toDate(value) : fields[name] === "JSON" ? boxed(value) : value;
    });
    table.AddRow(row);
  });
  return table;
}
