/* What a migration may do, out of what the caller gives. Throws when no hub of PTC's is meant. */
function migrationOptions(given) {
  var hubs = ptcThingNames(PTC.hubTemplate);
  var options = {
    sourceHub: isSet(given.sourceHub) ? String(given.sourceHub) : hubs.length === 1 ? hubs[0] : "",
    thingName: isSet(given.thingName) ? String(given.thingName) : DEFAULT_RULE,
    templateName: isSet(given.templateName) ? String(given.templateName) : DEFAULT_RULE,
    template: isSet(given.template) ? String(given.template) : "AzureIoT.Device_TT",
    dryRun: given.dryRun === true
  };
  if (hubs.length === 0) {
    throw new Error(
      "REQUEST_INVALID: There is no Thing of the template " + PTC.hubTemplate + ", or none is visible."
    );
  }
  if (hubs.indexOf(options.sourceHub) < 0) {
    throw new Error("REQUEST_INVALID: sourceHub must be one of " + hubs.join(", ") + ".");
  }
  ["thingName", "templateName"].forEach(function (name) {
    if (options[name].indexOf("{name}") < 0 || options[name] === "{name}") {
      throw new Error(
        "REQUEST_INVALID: " +
          name +
          " must have {name} and something beside it, such as " +
          DEFAULT_RULE +
          "."
      );
    }
  });
  if (!ThingTemplates[options.template]) {
    throw new Error(
      "REQUEST_INVALID: There is no Thing Template " + options.template + ", or it is not visible."
    );
  }
  return options;
}

/* The name of what is made for an entity of PTC's. */
function migratedName(rule, name) {
  return rule.split("{name}").join(name);
}

/* One line of the plan and of the report. */
function migrationStep(kind, source, target) {
  return {
    kind: kind,
    source: source,
    target: target,
    outcome: "failed",
    copied: [],
    dropped: [],
    message: ""
  };
}

/* The outcome, in the words for what would be when nothing is changed. */
function migrationOutcome(outcome, options) {
  var would = { created: "wouldCreate", changed: "wouldChange" };
  return options.dryRun ? would[outcome] : outcome;
}

/* The record on this hub Thing of what a migration has made: rows of collection, entity, source and time. */
function migrationRecord() {
  return isSet(me.migrationRecord)
    ? me.migrationRecord.rows.toArray().map(function (row) {
        return {
          collection: String(row.collection),
          entity: String(row.entity),
          source: String(row.source),
          time: isoTime(row.time)
        };
      })
    : [];
}

function keepMigrationRecord(rows) {
  me.migrationRecord = toTable(rows, RECORD_TYPE);
}

function recordMigration(collection, entity, source) {
  keepMigrationRecord(
    migrationRecord().concat([
      { collection: collection, entity: entity, source: source, time: new Date().toISOString() }
    ])
  );
}

function forgetMigration(collection, entity) {
  keepMigrationRecord(
    migrationRecord().filter(function (row) {
      return row.collection !== collection || row.entity !== entity;
    })
  );
}

/* What was made is removed when a later step fails: half an entity would block the next attempt. */
function removeMade(step, collection, service) {
  try {
    Resources["EntityServices"][service]({ name: step.target });
    if (isRecorded(collection, step.target)) {
      forgetMigration(collection, step.target);
    }
  } catch (ignored) {
    step.message += " " + step.target + " was made and could not be removed again; delete it.";
  }
}

function isRecorded(collection, entity) {
  return migrationRecord().some(function (row) {
    return row.collection === collection && row.entity === entity;
  });
}

/* Rights of the named kinds, as one entity has them, on another. What ThingWorx refuses is reported, and nothing else fails for it. */
function copyRights(step, source, target, kinds) {
  kinds.forEach(function (kind) {
    try {
      var rights = plain(source["Get" + kind + "PermissionsAsJSON"]());
      if (JSON.stringify(rights).indexOf('"name"') < 0) {
        return;
      }
      if (target) {
        target["Set" + kind + "PermissionsAsJSON"]({ permissions: rights });
      }
      step.copied.push(kind + " permissions");
    } catch (thrown) {
      step.dropped.push(kind + " permissions (" + errorText(thrown) + ")");
    }
  });
}

/* What a copied property has. Telemetry is written by this connector, so that a remote property is never read-only. */
function addCopiedProperty(step, target, property, isRemote) {
  var aspects = property.aspects || {};
  var parameters = {
    name: property.name,
    type: property.baseType,
    description: property.description || "",
    category: property.category || "",
    dataShape: aspects.dataShape || "",
    readOnly: aspects.isReadOnly === true && !isRemote,
    persistent: aspects.isPersistent === true,
    logged: aspects.isLogged === true,
    dataChangeType: aspects.dataChangeType || "VALUE",
    remote: false
  };
  if (isSet(aspects.dataChangeThreshold)) {
    parameters.dataChangeThreshold = Number(aspects.dataChangeThreshold);
  }
  if (isSet(aspects.defaultValue) && typeof aspects.defaultValue !== "object") {
    parameters.defaultValue = String(aspects.defaultValue);
  }
  if (target) {
    target.AddPropertyDefinition(parameters);
    if (isSet(aspects.units)) {
      target.SetUnitsForNumericPropertyDefinition({
        propertyName: property.name,
        units: String(aspects.units)
      });
    }
  }
  if (isSet(aspects.minimumValue) || isSet(aspects.maximumValue)) {
    step.dropped.push("minimum and maximum of " + property.name);
  }
}

/* Properties and events out of a definition. Those that devices of this connector have anyway are passed over. */
function copyDefinitions(step, target, own, bindings) {
  var names = [];
  definedNames(own.propertyDefinitions).forEach(function (name) {
    if (DEVICE_PROPERTIES.indexOf(name) >= 0) {
      step.dropped.push("property " + name + " (AzureIoT.Device_TS has it)");
      return;
    }
    addCopiedProperty(step, target, own.propertyDefinitions[name], definedNames(bindings).indexOf(name) >= 0);
    names.push(name);
  });
  definedNames(own.eventDefinitions).forEach(function (name) {
    var event = own.eventDefinitions[name];
    if (target) {
      target.AddEventDefinition({
        name: name,
        description: event.description || "",
        category: event.category || "",
        dataShape: event.dataShape
      });
    }
    names.push(name);
  });
  if (names.length > 0) {
    step.copied.push(names.join(", "));
  }
}

/* Shapes of the customer's own. One with remote bindings would bind the new Thing, too: its properties are copied instead. */
function copyShapes(step, target, definition, add) {
  definedNames(definition.implementedShapes).forEach(function (name) {
    if (PTC.shapes.indexOf(name) >= 0) {
      return;
    }
    var shape = entityDefinition("ThingShapes", name);
    var collides = definedNames(shape.propertyDefinitions).some(function (property) {
      return DEVICE_PROPERTIES.indexOf(property) >= 0;
    });
    if (hasRemoteBindings(shape) || collides) {
      copyDefinitions(step, target, shape, shape.remotePropertyBindings);
      step.dropped.push("shape " + name + " (its properties are copied)");
      reportNotCopied(step, shape, shape);
      return;
    }
    if (target) {
      add(name);
    }
    step.copied.push("shape " + name);
  });
}

/* What no service of ThingWorx copies, or what has no meaning without a remote device. */
function reportNotCopied(step, definition, own) {
  var remoteServices = definedNames(definition.remoteServiceBindings);
  var scripts = definedNames(own.serviceImplementations).filter(function (name) {
    return remoteServices.indexOf(name) < 0;
  });
  function report(names, what) {
    if (names.length > 0) {
      step.dropped.push(what + " " + names.join(", "));
    }
  }
  report(definedNames(definition.remotePropertyBindings), "remote bindings of");
  report(remoteServices, "remote services (call InvokeMethod)");
  report(definedNames(definition.propertyBindings), "local bindings of");
  report(scripts, "services (copy by hand)");
  report(definedNames(own.subscriptions), "subscriptions (copy by hand)");
}

/* A new Thing with project and tags of another. */
function makeMigratedThing(source, target, template) {
  Resources["EntityServices"].CreateThing({
    name: target,
    description: isSet(source.description) ? String(source.description) : "",
    thingTemplateName: template,
    projectName: String(source.GetProjectName()),
    tags: source.GetTags()
  });
  return Things[target];
}

function startThing(thing) {
  thing.EnableThing();
  thing.RestartThing();
}

/* Takes a setting of PTC's where the new Thing has none. A PASSWORD goes from Thing to Thing; no script looks into it. */
function takeSetting(step, target, property, cell, from) {
  if (!cell || !isSet(cell.value)) {
    return false;
  }
  if (target && isSet(target[property])) {
    step.dropped.push(from + " (" + target.name + " has " + property + " already)");
    return false;
  }
  step.copied.push(property + " from " + from);
  return true;
}
