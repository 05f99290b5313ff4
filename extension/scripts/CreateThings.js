/* Makes the Things and properties that a message of the hub needs, as the settings unknownThing and unknownProperty say.
   What exists already is left as it is; what cannot be made is reported and stops nothing else. */
/* Read once for all Things of a call: what is made changes the model, and every reading after that costs. */
var hubName = String(me.name);
var valueStream = isSet(me.deviceValueStream) ? String(me.deviceValueStream) : "";
/* What is known of the Thing Templates. */
var templates = {};

function messageOf(thrown) {
  return String((thrown && thrown.message) || thrown);
}

/* Why a Thing that exists cannot be that of the device; an empty text when it can. */
function obstacle(thing, wanted) {
  var isDevice = false;
  try {
    isDevice = String(thing.ImplementsShape({ thingShapeName: "AzureIoT.Device_TS" })) === "true";
  } catch (ignored) {
    /* There are no rights on the Things of others. */
  }
  if (!isDevice) {
    return "The Thing exists, and does not implement AzureIoT.Device_TS.";
  }
  var hub;
  var own;
  try {
    hub = isSet(thing.hubThing) ? String(thing.hubThing) : "";
    own = isSet(thing.deviceId) ? String(thing.deviceId) : hub !== "" ? wanted.name : "";
  } catch (ignored) {
    return "The Thing exists, and is not running: it is disabled, or another call is making it.";
  }
  if (hub !== "" && hub !== hubName) {
    return "The Thing exists, and belongs to the hub Thing " + hub + ".";
  }
  return own === "" || own === wanted.deviceId
    ? ""
    : "The Thing exists, and stands for the device " + own + ".";
}

function propertyRows(thing) {
  return thing.GetPropertyDefinitions().rows.toArray();
}

/* Whether the values of logged properties are kept: the Thing or its template has a value stream. */
function hasValueStream(thing) {
  if (isSet(thing.GetValueStream())) {
    return true;
  }
  return propertyRows(thing).some(function (row) {
    var name = String(row.name);
    return (
      String(row.isLogged) === "true" && isTrue(thing.GetEffectivePropertyLogging({ propertyName: name }))
    );
  });
}

function isTrue(value) {
  return String(value) === "true";
}

/* A value stream of the template stays. A Thing without one is still of use. */
function useValueStream(thing, template) {
  if (valueStream === "") {
    return;
  }
  try {
    if (template.hasValueStream === undefined) {
      template.hasValueStream = hasValueStream(thing);
    }
    if (!template.hasValueStream) {
      thing.SetValueStream({ name: valueStream });
    }
  } catch (thrown) {
    logger.warn("{} has no value stream: {}", thing.name, messageOf(thrown));
  }
}

/* What a new Thing shows of its device, in one call: an import makes thousands. With a twin that is known already the Thing need not read it. */
function showDevice(thing, wanted) {
  /* Later than the defaults, which have the time of the start. */
  var time = new Date().getTime() + 1;
  var rows = isSet(wanted.twin) ? twinRows(wanted.twin, time) : [];
  rows.push(timedValue("deviceId", "STRING", wanted.deviceId, time));
  rows.push(timedValue("hubThing", "THINGNAME", hubName, time));
  writeTimedValues(thing, rows);
}

/* What becomes of a Thing that exists. One that is asked for, and has no hub yet, is given to this one; those that messages ask for
   are left as they are. */
function useThing(thing, wanted, dryRun) {
  if (wanted.link !== true) {
    return { outcome: "existed" };
  }
  var reason = obstacle(thing, wanted);
  if (reason !== "") {
    return { outcome: "failed", message: reason };
  }
  if (isSet(thing.hubThing)) {
    return { outcome: "existed" };
  }
  if (!dryRun) {
    if (isSet(wanted.twin)) {
      /* Before the Thing has a hub: it then need not read the twin. */
      writeTwin(thing, wanted.twin, deviceSnapshot(thing));
    }
    if (!isSet(thing.deviceId)) {
      thing.deviceId = wanted.deviceId;
    }
    thing.hubThing = hubName;
  }
  return { outcome: "linked" };
}

/* A device of a model gets the template that was made of the model, where there is one. */
function chooseTemplate(wanted) {
  if (isSet(wanted.modelTemplate) && ThingTemplates[wanted.modelTemplate]) {
    wanted.template = wanted.modelTemplate;
  }
}

function templateOf(wanted) {
  var key = "$" + wanted.template;
  if (!templates[key]) {
    templates[key] = {
      isVisible: !!ThingTemplates[wanted.template],
      isForDevices: undefined,
      hasValueStream: undefined
    };
    try {
      var text = JSON.stringify(ThingTemplates[wanted.template].GetInstanceMetadataAsJSON());
      templates[key].isForDevices = text.indexOf('"hubThing"') >= 0 && text.indexOf('"deviceId"') >= 0;
    } catch (ignored) {
      /* Without the right to read the template, the Thing itself shows it. */
    }
  }
  return templates[key];
}

/* Why no Thing can be made as it is wanted; an empty text when it can, as far as the rights show. The dry run and the import ask here. */
function refusal(wanted) {
  var problem = nameProblem(wanted.name, "thingName");
  if (problem !== "") {
    return problem;
  }
  var template = templateOf(wanted);
  if (!template.isVisible) {
    return "There is no Thing Template " + wanted.template + ", or it is not visible.";
  }
  return template.isForDevices === false ? noDeviceTemplate(wanted) : "";
}

function noDeviceTemplate(wanted) {
  return "The Thing Template " + wanted.template + " does not implement AzureIoT.Device_TS.";
}

/* What was made is removed when a later step fails: a Thing without a device would block the next attempt. */
function completeThing(thing, wanted) {
  try {
    var template = templateOf(wanted);
    if (template.isForDevices !== true) {
      template.isForDevices = isTrue(thing.ImplementsShape({ thingShapeName: "AzureIoT.Device_TS" }));
    }
    if (!template.isForDevices) {
      throw new Error(noDeviceTemplate(wanted));
    }
    thing.EnableThing();
    useValueStream(thing, template);
    thing.RestartThing();
    showDevice(thing, wanted);
    if (isSet(wanted.identifier)) {
      thing.SetIdentifier({ identifier: wanted.identifier });
    }
  } catch (thrown) {
    try {
      Resources["EntityServices"].DeleteThing({ name: wanted.name });
    } catch (ignored) {
      throw new Error(
        messageOf(thrown) +
          " The Thing " +
          wanted.name +
          " was made and could not be removed again; delete it."
      );
    }
    throw thrown;
  }
}

/* What became of it: created, linked, existed or failed. A Thing that several messages ask for at the same time is made once; the
   others find it. */
function createThing(wanted, dryRun) {
  if (Things[wanted.name]) {
    return useThing(Things[wanted.name], wanted, dryRun);
  }
  chooseTemplate(wanted);
  var reason = refusal(wanted);
  if (reason !== "") {
    return { outcome: "failed", message: reason };
  }
  if (dryRun) {
    return { outcome: "created" };
  }
  try {
    Resources["EntityServices"].CreateThing({
      name: wanted.name,
      description: "Made for a device of " + hubName + ".",
      thingTemplateName: wanted.template,
      projectName: wanted.project || "",
      tags: wanted.tags || ""
    });
  } catch (thrown) {
    if (!Things[wanted.name]) {
      throw thrown;
    }
    return useThing(Things[wanted.name], wanted, false);
  }
  var thing = Things[wanted.name];
  if (!thing) {
    return {
      outcome: "failed",
      message:
        "The Thing was made and is not visible: call GrantPermissions with the template " +
        wanted.template +
        ". Or somebody has removed it meanwhile."
    };
  }
  completeThing(thing, wanted);
  return { outcome: "created" };
}

function addProperties(name, properties) {
  var thing = Things[name];
  var present = {};
  propertyRows(thing).forEach(function (row) {
    present["$" + String(row.name)] = true;
  });
  var added = properties.filter(function (property) {
    return present["$" + property.name] !== true;
  });
  var logged = added.length > 0 && hasValueStream(thing);
  added.forEach(function (property) {
    thing.AddPropertyDefinition({
      name: property.name,
      description: "Added because the device sent it.",
      type: property.baseType,
      category: "Telemetry",
      readOnly: false,
      persistent: false,
      logged: logged,
      remote: false,
      dataChangeType: "VALUE",
      dataShape: ""
    });
  });
  if (added.length > 0) {
    thing.RestartThing();
  }
  return added;
}

function run() {
  var content = contentOf("request", request);
  var answer = { created: [], linked: [], added: [], failed: [] };
  var made = [];
  var order = [];
  var properties = {};
  (content.things || []).forEach(function (wanted) {
    try {
      var attempt = createThing(wanted, content.dryRun === true);
      if (attempt.outcome === "failed") {
        answer.failed.push({ thing: wanted.name, message: attempt.message });
      }
      if (attempt.outcome === "linked") {
        answer.linked.push(wanted.name);
      }
      if (attempt.outcome === "created") {
        answer.created.push(wanted.name);
        made.push(wanted);
      }
    } catch (thrown) {
      answer.failed.push({ thing: wanted.name, message: messageOf(thrown) });
    }
  });
  if (content.dryRun !== true) {
    made.forEach(function (wanted) {
      me.ThingCreated({
        thing: wanted.name,
        template: wanted.template,
        deviceId: wanted.deviceId,
        time: new Date()
      });
    });
  }
  (content.properties || []).forEach(function (property) {
    var key = "$" + property.thing;
    if (!properties[key]) {
      properties[key] = { thing: property.thing, list: [] };
      order.push(key);
    }
    properties[key].list.push(property);
  });
  order.forEach(function (key) {
    var thing = properties[key].thing;
    try {
      addProperties(thing, properties[key].list).forEach(function (property) {
        answer.added.push({ thing: thing, property: property.name });
        me.PropertyCreated({
          thing: thing,
          property: property.name,
          baseType: property.baseType,
          time: new Date()
        });
      });
    } catch (thrown) {
      answer.failed.push({ thing: thing, message: messageOf(thrown) });
    }
  });
  return answer;
}

var result = run();
