/* Sends many values in one message: the keys of a JSON object, or the fields of the first row of an INFOTABLE. */
function run() {
  var hub = hubOf();
  var content;
  if (table !== undefined && table !== null) {
    content = messageRows(table)[0];
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
