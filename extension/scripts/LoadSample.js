/* A dead letter as the sample message that TestMapping takes. */
function bodyOf(letter) {
  if ((isSet(letter.contentEncoding) && !/^utf-?8$/i.test(letter.contentEncoding)) || !isSet(letter.body)) {
    return { bodyBase64: letter.bodyBase64 };
  }
  try {
    var parsed = JSON.parse(letter.body);
    /* A number of more than 15 digits would be rounded. */
    if (typeof parsed === "object" && parsed !== null && !/\d{16,}/.test(letter.body)) {
      return { body: parsed };
    }
  } catch (ignored) {
    /* No JSON. */
  }
  return { bodyText: letter.body };
}

var result = outcomeOf(function () {
  if (!isSet(id)) {
    throw new Error("REQUEST_INVALID: No dead letter is selected.");
  }
  var letter = firstRow(chosenThing(thing, "hub").GetDeadLetter({ id: id }), LETTER_FIELDS);
  var sample = { deviceId: letter.deviceId };
  ["moduleId", "contentType", "contentEncoding", "enqueuedTime", "creationTime"].forEach(function (name) {
    if (isSet(letter[name])) {
      sample[name] = letter[name];
    }
  });
  var system = letter.systemProperties || {};
  [
    ["componentName", system["dt-subject"]],
    ["interfaceId", system["iothub-interface-id"] || system["dt-dataschema"]]
  ].forEach(function (member) {
    if (isSet(member[1])) {
      sample[member[0]] = String(member[1]);
    }
  });
  if (letter.source !== "Telemetry") {
    sample.source = letter.source;
  }
  if (Object.keys(letter.applicationProperties || {}).length > 0) {
    sample.properties = letter.applicationProperties;
  }
  var body = bodyOf(letter);
  Object.keys(body).forEach(function (name) {
    sample[name] = body[name];
  });
  return sample;
}, "The dead letter is the sample.");
