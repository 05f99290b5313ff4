/* The base type that a value of a model has in ThingWorx. A type is a word, or for an INFOTABLE an object with dataShape and fields; list: an
   array and not one object; plain: the elements are no objects and stand in the column value. */
function modelBaseType(type) {
  return typeof type === "object"
    ? "INFOTABLE"
    : {
        boolean: "BOOLEAN",
        integer: "INTEGER",
        long: "LONG",
        number: "NUMBER",
        string: "STRING",
        dateTime: "DATETIME",
        date: "DATETIME",
        geoJson: "LOCATION",
        latLon: "LOCATION",
        json: "JSON"
      }[type];
}

/* A member that an object has itself: a model may have the name constructor. */
function modelMember(object, name) {
  return {}.hasOwnProperty.call(object, name) ? object[name] : undefined;
}

/* A value of a property as plain JSON: times as milliseconds, tables with their rows. */
function modelJson(value, type) {
  if (value === undefined || value === null) {
    return null;
  }
  switch (modelBaseType(type)) {
    case "DATETIME":
      return value.getTime();
    case "INFOTABLE":
      return plain(value.ToJSON());
    case "LOCATION":
      return {
        latitude: Number(value.latitude),
        longitude: Number(value.longitude),
        elevation: Number(value.elevation || 0)
      };
    case "JSON":
      return plain(value);
    default:
      return value;
  }
}

function modelRowToDevice(row, fields) {
  var members = {};
  Object.keys(fields).forEach(function (name) {
    var member = modelToDevice(modelMember(row, name), fields[name]);
    if (member !== undefined) {
      members[name] = member;
    }
  });
  return members;
}

/* What the device gets; undefined for what has no value. */
function modelToDevice(value, type) {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof type === "object") {
    var rows = unboxed(value.rows) || [];
    if (type.plain) {
      return rows.map(function (row) {
        return modelToDevice(row.value, type.fields.value);
      });
    }
    var objects = rows.map(function (row) {
      return modelRowToDevice(row, type.fields);
    });
    return type.list ? objects : objects[0];
  }
  switch (type) {
    case "boolean":
      return String(value) === "true";
    case "integer":
    case "long":
    case "number":
      return Number(value);
    case "dateTime":
      return new Date(value).toISOString();
    case "date":
      return new Date(value).toISOString().slice(0, 10);
    case "geoJson":
      return { type: "Point", coordinates: [value.longitude, value.latitude, value.elevation] };
    case "latLon":
      return { lat: value.latitude, lon: value.longitude, alt: value.elevation };
    case "json":
      return unboxed(value);
    default:
      return String(value);
  }
}

/* What a device sent may have 128 KB. */
function modelExcerpt(text) {
  var MAX = 500;
  var whole = String(text);
  return whole.length > MAX ? whole.slice(0, MAX) + "..." : whole;
}

function modelMismatch(value, expected) {
  return new Error(
    "MODEL_MISMATCH: The value is " + modelExcerpt(JSON.stringify(value)) + "; expected " + expected + "."
  );
}

/* A refusal with what the device says. */
function modelRefusal(method, answer) {
  return (
    "COMMAND_REFUSED: The device answered " +
    method +
    " with the status " +
    Number(answer.status) +
    ": " +
    modelExcerpt(answer.payloadText)
  );
}

function modelAccepted(answer) {
  var status = Number(answer.status);
  return status >= 200 && status <= 299;
}

function modelTime(value, type) {
  var time = typeof value === "string" ? toDate(value).getTime() : null;
  if (time === null || !isFinite(time)) {
    throw modelMismatch(value, type === "date" ? "a date such as 2026-01-31" : "a time in ISO 8601 form");
  }
  return time;
}

function modelLocation(value, type) {
  var coordinates =
    type === "geoJson" ? value && value.coordinates : value && [value.lon, value.lat, value.alt];
  if (!coordinates || typeof coordinates[0] !== "number" || typeof coordinates[1] !== "number") {
    throw modelMismatch(value, type === "geoJson" ? "a GeoJSON point" : "an object with lat and lon");
  }
  return { latitude: coordinates[1], longitude: coordinates[0], elevation: Number(coordinates[2] || 0) };
}

function modelTable(value, type) {
  if (
    type.list ? !Array.isArray(value) : value === null || typeof value !== "object" || Array.isArray(value)
  ) {
    throw modelMismatch(value, type.list ? "an array" : "an object");
  }
  var definitions = {};
  Object.keys(type.fields).forEach(function (name, index) {
    var field = type.fields[name];
    definitions[name] = {
      name: name,
      description: "",
      baseType: modelBaseType(field),
      ordinal: index + 1,
      aspects: typeof field === "object" ? { dataShape: field.dataShape } : {}
    };
  });
  var items = type.list ? value : [value];
  return {
    dataShape: { fieldDefinitions: definitions },
    rows: items.map(function (item) {
      var members = type.plain ? { value: item } : item;
      var row = {};
      Object.keys(type.fields).forEach(function (name) {
        var member = members === null || typeof members !== "object" ? undefined : modelMember(members, name);
        if (member !== undefined && member !== null) {
          row[name] = modelFromDevice(member, type.fields[name]);
        }
      });
      return row;
    })
  };
}

/* What the device sent, as the platform takes it in JSON: times as milliseconds, tables with the definitions of their fields. Throws when the
   device does not keep to its model. */
function modelFromDevice(value, type) {
  if (typeof type === "object") {
    return modelTable(value, type);
  }
  switch (type) {
    case "boolean":
      if (typeof value !== "boolean") {
        throw modelMismatch(value, "true or false");
      }
      return value;
    case "integer":
    case "long":
      if (typeof value !== "number" || Math.floor(value) !== value) {
        throw modelMismatch(value, "a whole number");
      }
      return value;
    case "number":
      if (typeof value !== "number") {
        throw modelMismatch(value, "a number");
      }
      return value;
    case "dateTime":
    case "date":
      return modelTime(value, type);
    case "geoJson":
    case "latLon":
      return modelLocation(value, type);
    case "json":
      if (typeof value !== "object") {
        throw modelMismatch(value, "an object or array");
      }
      return boxed(value);
    default:
      if (typeof value !== "string") {
        throw modelMismatch(value, "a text");
      }
      return value;
  }
}

/* A part of a twin that belongs to a component, or to the device itself. */
function modelSection(section, component) {
  var content = plain(section);
  if (content === undefined || content === null || typeof content !== "object") {
    return {};
  }
  var part = component === "" ? content : modelMember(content, component);
  return part !== undefined && part !== null && typeof part === "object" ? part : {};
}

/* Calls the direct method of a command with what the service was given, and returns what the device answered: JSON, or undefined. */
function callModelMethod() {
  var request = plain(requestType) || {};
  var payload = isGiven(content) ? modelToDevice(plain(content).value, request.type) : undefined;
  if (request.type !== undefined && payload === undefined && request.optional !== true) {
    throw new Error("REQUEST_INVALID: " + request.name + " is required.");
  }
  var answer = me.InvokeMethod({
    methodName: String(method),
    payloadText: JSON.stringify(payload === undefined ? null : payload),
    responseTimeoutSeconds: me.commandTimeoutSeconds,
    connectTimeoutSeconds: me.connectTimeoutSeconds
  }).rows[0];
  if (!modelAccepted(answer)) {
    throw new Error(modelRefusal(method, answer));
  }
  return JSON.parse(String(answer.payloadText));
}

/* The answer as the platform takes it in JSON. */
function modelAnswer() {
  var type = plain(resultType).type;
  var answered = callModelMethod();
  if (type === undefined || answered === null || answered === undefined) {
    return undefined;
  }
  return modelFromDevice(answered, type);
}
