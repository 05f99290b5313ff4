/* Hub, storage and container Things of PTC's as Things of this connector. */
function migrateAzureThing(kind, name, options) {
  switch (kind) {
    case "hub":
      return name === options.sourceHub ? takeHubSettings(name, options) : migrateHub(name, options);
    case "storage":
      return migrateStorage(name, options);
    default:
      return migrateContainer(name, options);
  }
}

/* Makes the Thing unless a migration has made it before. fill: sets its settings; without a Thing it only says which. */
function makeAzureThing(step, template, options, fill) {
  var source = Things[step.source];
  var problem = nameProblem(step.target, "thingName");
  if (Things[step.target]) {
    if (isRecorded("Things", step.target)) {
      step.outcome = "existed";
    } else {
      step.message = "A Thing of that name exists and was not made by a migration.";
    }
    return step;
  }
  if (problem !== "") {
    step.message = problem;
    return step;
  }
  var thing;
  try {
    if (!options.dryRun) {
      thing = makeMigratedThing(source, step.target, template);
      recordMigration("Things", step.target, step.source);
      startThing(thing);
    }
    fill(thing, ptcSettings(source));
    copyRights(step, source, thing, ["Visibility", "RunTime", "DesignTime"]);
    step.outcome = migrationOutcome("created", options);
  } catch (thrown) {
    step.message = errorText(thrown);
    if (thing) {
      removeMade(step, "Things", "DeleteThing");
    }
  }
  return step;
}

/* How a new Thing reaches the sidecar: as this hub Thing does. */
function shareSidecar(thing) {
  thing.sidecarUrl = me.sidecarUrl;
  if (isSet(me.sidecarToken)) {
    thing.sidecarToken = me.sidecarToken;
  }
}

/* What a hub Thing takes of PTC's. consumerGroup is not taken: two readers of one group take partitions from each other. */
function fillHub(step, target, settings, current) {
  var keys = PTC.hubKeys;
  var group = ptcText(settings, keys.consumerGroup);
  if (takeSetting(step, current, "iotHubConnectionString", settings[keys.connection], keys.connection)) {
    setHubSecret(target, "iotHubConnectionString", settings[keys.connection].value, step.source);
  }
  var storage = ptcText(settings, keys.checkpoints);
  if (storage !== "" && Things[storage]) {
    var cell = ptcSettings(Things[storage])[PTC.storageKeys.connection];
    if (
      takeSetting(
        step,
        current,
        "storageConnectionString",
        cell,
        PTC.storageKeys.connection + " of " + storage
      )
    ) {
      setHubSecret(target, "storageConnectionString", cell.value, storage);
    }
  }
  Object.keys(settings).forEach(function (key) {
    var known = [keys.connection, keys.checkpoints, keys.files].indexOf(key) >= 0;
    if (!known && isSet(settings[key].value)) {
      step.dropped.push(
        keys.found.indexOf(key) >= 0
          ? key + " (found with the connection string)"
          : key === keys.registry
            ? key +
              " (enter a connection string with registry rights, if this connector is to manage devices)"
            : key
      );
    }
  });
  var own = current && isSet(current.consumerGroup) ? String(current.consumerGroup) : "$Default";
  if (group !== "" && group === own) {
    reportProblem(
      step,
      "PTC's connector reads with the consumer group " +
        group +
        ", too: give " +
        step.target +
        " a consumerGroup of its own before it connects."
    );
  }
}

function setHubSecret(target, property, value, source) {
  if (!target) {
    return;
  }
  target[property] = value;
  if (String(target.name) === String(me.name)) {
    recordMigration("Settings", property, source);
  }
}

/* This hub Thing takes the settings of the chosen hub of PTC's. */
function takeHubSettings(name, options) {
  var step = migrationStep("hub", name, String(me.name));
  try {
    fillHub(step, options.dryRun ? undefined : me, ptcSettings(Things[name]), me);
    takeMapping(step, options);
    step.outcome = step.copied.length > 0 ? migrationOutcome("changed", options) : "existed";
  } catch (thrown) {
    step.message = errorText(thrown);
  }
  return step;
}

/* Without mappings a value goes to the Thing whose name is the device id, which is PTC's. Where this hub Thing has mappings or devices of its own,
   somebody must say which messages the rule is for. */
function takeMapping(step, options) {
  var rule = { thing: migratedName(options.thingName, "{$message.deviceId}") };
  var present = isSet(me.mappings) ? plain(me.mappings) : {};
  if (JSON.stringify(present).indexOf(JSON.stringify(rule.thing)) >= 0) {
    return;
  }
  if ((present.rules || []).length > 0 || hasDevices()) {
    reportProblem(
      step,
      "Add a mapping rule for the devices that are migrated, which names their Things: " +
        JSON.stringify(rule)
    );
    return;
  }
  step.copied.push("mappings with the rule " + JSON.stringify(rule));
  if (!options.dryRun) {
    me.mappings = { version: 1, rules: [rule] };
    recordMigration("Settings", "mappings", step.source);
  }
}

function hasDevices() {
  return (
    ThingShapes["AzureIoT.Device_TS"].QueryImplementingThingsWithData({
      maxItems: 1,
      query: { filters: { type: "EQ", fieldName: "hubThing", value: String(me.name) } }
    }).rows.length > 0
  );
}

function reportProblem(step, text) {
  step.message += (step.message === "" ? "" : " ") + text;
}

/* Another hub of PTC's becomes a hub Thing that is switched off: its migration goes on there. */
function migrateHub(name, options) {
  var step = migrationStep("hub", name, migratedName(options.thingName, name));
  return makeAzureThing(step, "AzureIoT.Hub_TT", options, function (thing, settings) {
    if (thing) {
      thing.enabled = false;
      shareSidecar(thing);
    }
    fillHub(step, thing, settings, thing);
    step.dropped.push("its devices (call StartMigration on " + step.target + ", and set enabled)");
  });
}

function migrateStorage(name, options) {
  var step = migrationStep("storage", name, migratedName(options.thingName, name));
  return makeAzureThing(step, "AzureIoT.StorageAccount_TT", options, function (thing, settings) {
    var key = PTC.storageKeys.connection;
    if (thing) {
      shareSidecar(thing);
    }
    if (takeSetting(step, thing, "storageConnectionString", settings[key], key) && thing) {
      thing.storageConnectionString = settings[key].value;
    }
  });
}

function migrateContainer(name, options) {
  var step = migrationStep("container", name, migratedName(options.thingName, name));
  return makeAzureThing(step, "AzureIoT.BlobContainer_TT", options, function (thing, settings) {
    var container = ptcText(settings, PTC.containerKey);
    var storage = ptcText(ptcSettings(Things[options.sourceHub]), PTC.hubKeys.files);
    if (thing) {
      thing.containerName = container;
    }
    step.copied.push("containerName");
    if (storage === "") {
      step.message = "The hub names no storage account for files: set storageThing.";
      return;
    }
    if (thing) {
      thing.storageThing = migratedName(options.thingName, storage);
    }
    step.copied.push("storageThing");
  });
}
