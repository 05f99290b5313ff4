/* Sends many values in one message: the keys of a JSON object, or the fields of the first row of an INFOTABLE. */
/* A field as the device gets it: numbers, booleans and JSON as they are, times as milliseconds, tables as arrays. */
function fieldValue(value, baseType) {
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
      return rowsOf(value);
    default:
      return String(value);
  }
}

function rowsOf(infoTable) {
  var fields = infoTable.dataShape.fields;
  return infoTable.rows.toArray().map(function (row) {
    var object = {};
    Object.keys(fields).forEach(function (name) {
      var value = row[name];
      if (value !== undefined && value !== null) {
        object[name] = fieldValue(value, String(fields[name].baseType));
      }
    });
    return object;
  });
}

function run() {
  var hub = hubOf();
  var content;
  if (table !== undefined && table !== null) {
    content = rowsOf(table)[0];
  } else {
    content = given(values, "values");
  }
  if (!content) {
    throw new Error("REQUEST_INVALID: values or table is required.");
  }
  var input = { deviceId: deviceIdOf(me), values: content };
  if (isSet(properties)) {
    input.properties = given(properties, "properties");
  }
  if (isSet(messageId)) {
    input.messageId = String(messageId);
  }
  if (isSet(correlationId)) {
    input.correlationId = String(correlationId);
  }
  if (isSet(expirySeconds)) {
    input.expirySeconds = Number(expirySeconds);
  }
  if (isSet(ack)) {
    input.ack = String(ack);
  }
  /* A subscription must not wait for Azure. */
  var isDeferred = isSet(background) && String(background) === "true";
  if (isDeferred) {
    input.thing = String(me.name);
  }
  try {
    return plain(
      hub.CallSidecar({
        operation: isDeferred ? "DeferMessage" : "SendProperties",
        input: input,
        timeoutSeconds: isDeferred ? 2 : 20
      })
    ).messageId;
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
}

var result = run();
