/* What the sidecar must know about Things before it can address and convert values: their template and properties. Things of one
   template mostly have the same properties: each set of properties is given once, and Things name it by its index. */

/* Data Shapes of INFOTABLE properties, which GetPropertyDefinitions does not show; empty where the platform does not say. */
function dataShapes(thing) {
  var shapes = {};
  try {
    var metadata = plain(thing.GetMetadataAsJSON());
    var definitions = metadata.propertyDefinitions || {};
    Object.keys(definitions).forEach(function (name) {
      var aspects = definitions[name].aspects || {};
      shapes[name] = String(aspects.dataShape || definitions[name].dataShape || "");
    });
  } catch (thrown) {
    logger.debug("No metadata of {}: {}", thing.name, String(thrown.message || thrown));
  }
  return shapes;
}

/* The fields of Data Shapes, by name, with those of tables inside. One without rights is left out: its tables are taken by what they hold. */
var MAX_SHAPES = 200;
var known = {};

function addShape(name) {
  if (name === "" || known.hasOwnProperty(name) || Object.keys(known).length >= MAX_SHAPES) {
    return;
  }
  var fields = {};
  try {
    DataShapes[name]
      .GetFieldDefinitions()
      .rows.toArray()
      .forEach(function (row) {
        fields[String(row.name)] = {
          baseType: String(row.baseType),
          dataShape: isSet(row.dataShape) ? String(row.dataShape) : ""
        };
      });
  } catch (thrown) {
    logger.debug("No fields of {}: {}", name, String((thrown && thrown.message) || thrown));
    return;
  }
  known[name] = fields;
  Object.keys(fields).forEach(function (field) {
    addShape(fields[field].dataShape);
  });
}

/* What every Thing has by itself: a device that sends one of these names does not mean it. */
var BUILT_IN = { name: true, description: true, tags: true, thingTemplate: true };

/* Sets of properties, and the index of each by its JSON text. */
var propertySets = [];
var indexes = {};

function indexOfSet(properties) {
  var key = JSON.stringify(properties);
  if (!indexes.hasOwnProperty(key)) {
    indexes[key] = propertySets.length;
    propertySets.push(properties);
  }
  return indexes[key];
}

/* Adds the Data Shapes of INFOTABLE properties. The metadata of a Thing has all that it inherits, some 100 KB: it is read only for tables that
   AzureIoT.Device_TS does not have. */
function addTables(thing, properties, isDevice) {
  var tables = Object.keys(properties).filter(function (name) {
    return properties[name].baseType === "INFOTABLE";
  });
  var isKnown = tables.every(function (name) {
    return isDevice && DEVICE_TABLES.hasOwnProperty(name);
  });
  var shapes = isKnown ? DEVICE_TABLES : dataShapes(thing);
  tables.forEach(function (name) {
    properties[name].dataShape = shapes[name] || "";
    addShape(properties[name].dataShape);
  });
}

function describe(thing) {
  var properties = {};
  thing
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (row) {
      var baseType = String(row.baseType);
      if (BUILT_IN[String(row.name)] === true) {
        return;
      }
      properties[String(row.name)] = { baseType: baseType, dataShape: "" };
    });
  /* AzureIoT.Device_TS: which device it is stands on the Thing and is not for the device to change. Many devices, Azure's own
     samples among them, send a deviceId. */
  var isDevice = properties.deviceId !== undefined && properties.hubThing !== undefined;
  if (isDevice) {
    delete properties.deviceId;
    delete properties.hubThing;
    delete properties.modelId;
  }
  /* AzureIoT.OpcPublisher_TS: which module it is, and how it signs in. */
  if (properties.publisherModuleId && properties.serverUserName) {
    delete properties.publisherModuleId;
    delete properties.serverUserName;
  }
  /* A device Thing of PTC's connector, which its own program writes: the name of the Thing is the device id there, too. */
  if (properties[PTC_HUB_PROPERTY] && properties.twinReported && !isDevice) {
    return undefined;
  }
  /* AzureIoT.BoundNodes_TS: which module may write which property. */
  var isBound = properties.nodeBindings !== undefined;
  delete properties.nodeBindings;
  addTables(thing, properties, isDevice);
  var description = { template: String(thing.thingTemplate || "") };
  if (isBound) {
    description.bindings = {};
    bindingsOf(thing, { property: "STRING", source: "STRING" }).forEach(function (binding) {
      description.bindings[binding.property] = binding.source;
    });
  }
  description.properties = indexOfSet(properties);
  return description;
}

function run() {
  var request = unboxed(names, "names");
  var wanted = Array.isArray(request) ? request : request && request.names;
  if (!Array.isArray(wanted)) {
    throw new Error('REQUEST_INVALID: names must be an object such as {"names": ["device-1"]}.');
  }
  var answer = { things: {}, missing: [] };
  wanted.forEach(function (name) {
    /* One Thing that cannot be looked at, such as one without rights, must not hold up all others. */
    try {
      var thing = Things[name];
      var described = thing ? describe(thing) : undefined;
      if (described) {
        answer.things[name] = described;
        return;
      }
    } catch (thrown) {
      logger.warn("{} cannot be described: {}", name, String((thrown && thrown.message) || thrown));
    }
    answer.missing.push(name);
  });
  answer.propertySets = propertySets;
  answer.dataShapes = known;
  return answer;
}

var result = run();
