/* The template for a device Thing, which is made when it is not there yet, with those above it. Gives target or problem; a template that is
   made, or would be, is a step of its own. templates: what is known by this call. */
function migrateTemplate(name, options, templates, steps) {
  var key = "$" + name;
  if (templates[key]) {
    return templates[key];
  }
  if (name === PTC.deviceTemplate) {
    templates[key] = { target: options.template, definitions: [] };
    return templates[key];
  }
  var definition = entityDefinition("ThingTemplates", name);
  var base = String(definition.baseThingTemplate || "");
  if (base === "" || base === "GenericThing" || base === name) {
    templates[key] = { problem: name + " is not derived from " + PTC.deviceTemplate + ".", definitions: [] };
    return templates[key];
  }
  var above = migrateTemplate(base, options, templates, steps);
  templates[key] = { definitions: [definition].concat(above.definitions) };
  if (above.problem) {
    templates[key].problem = above.problem;
    return templates[key];
  }
  var step = makeTemplate(name, definition, above.target, options);
  steps.push(step);
  templates[key].target = step.target;
  if (step.outcome === "failed") {
    templates[key].problem = "Its template " + step.target + " could not be made: " + step.message;
  }
  return templates[key];
}

function makeTemplate(name, definition, base, options) {
  var step = migrationStep("template", name, migratedName(options.templateName, name));
  var problem = nameProblem(step.target, "templateName");
  if (ThingTemplates[step.target]) {
    if (isRecorded("ThingTemplates", step.target)) {
      step.outcome = "existed";
    } else {
      step.message = "A Thing Template of that name exists and was not made by a migration.";
    }
    return step;
  }
  if (problem !== "") {
    step.message = problem;
    return step;
  }
  var source = ThingTemplates[name];
  var made = false;
  try {
    if (!options.dryRun) {
      Resources["EntityServices"].CreateThingTemplate({
        name: step.target,
        description: isSet(definition.description) ? String(definition.description) : "",
        thingTemplateName: base,
        projectName: String(source.GetProjectName()),
        tags: source.GetTags()
      });
      made = true;
      recordMigration("ThingTemplates", step.target, name);
    }
    fillTemplate(step, source, made ? ThingTemplates[step.target] : undefined, definition);
    step.outcome = migrationOutcome("created", options);
  } catch (thrown) {
    step.message = errorText(thrown);
    if (made) {
      removeMade(step, "ThingTemplates", "DeleteThingTemplate");
    }
  }
  return step;
}

function fillTemplate(step, source, target, definition) {
  copyShapes(step, target, definition, function (shape) {
    Resources["EntityServices"].AddShapeToThingTemplate({ name: step.target, thingShapeName: shape });
  });
  copyDefinitions(step, target, definition.thingShape || {}, definition.remotePropertyBindings);
  reportNotCopied(step, definition, definition.thingShape || {});
  copyRights(step, source, target, ["Visibility", "RunTime", "DesignTime", "InstanceRunTime"]);
  copyInstanceRights(step, target, definition);
  if (target) {
    /* As GrantPermissions does for a template of one's own. */
    var seen = { principal: ORGANIZATION, principalType: "Organization" };
    target.AddVisibilityPermission(seen);
    target.AddInstanceVisibilityPermission(seen);
  }
}

/* ThingWorx has services to add these, and none that sets them all. */
function copyInstanceRights(step, target, definition) {
  var visible = (definition.instanceVisibilityPermissions || {}).Visibility || [];
  var design = definition.instanceDesignTimePermissions || {};
  visible.forEach(function (principal) {
    if (target) {
      target.AddInstanceVisibilityPermission({ principal: principal.name, principalType: principal.type });
    }
  });
  Object.keys(design).forEach(function (right) {
    (design[right] || []).forEach(function (principal) {
      if (target) {
        target.AddInstanceDesignTimePermission({
          principal: principal.name,
          principalType: principal.type,
          type: right,
          allow: principal.isPermitted !== false
        });
      }
    });
  });
  if (visible.length > 0) {
    step.copied.push("InstanceVisibility permissions");
  }
}

/* Where the history of a Thing is: its own value stream, or that of the nearest template. */
function historyStream(source, definitions) {
  if (isSet(source.GetValueStream())) {
    return String(source.GetValueStream());
  }
  for (var index = 0; index < definitions.length; index++) {
    if (isSet(definitions[index].valueStream)) {
      return String(definitions[index].valueStream);
    }
  }
  return "";
}

function migrateDevice(name, options, templates, steps) {
  var step = migrationStep("device", name, migratedName(options.thingName, name));
  var present = Things[step.target];
  if (present) {
    var from = "";
    try {
      from = isSet(present.migratedFrom) ? String(present.migratedFrom) : "";
    } catch (ignored) {
      /* A Thing of others. */
    }
    if (from === name) {
      step.outcome = "existed";
    } else {
      step.message = "A Thing of that name exists and was not made by a migration.";
    }
    return step;
  }
  var problem = nameProblem(step.target, "thingName");
  var source = Things[name];
  if (problem !== "" || !source) {
    step.message = source ? problem : "There is no such Thing, or it is not visible.";
    return step;
  }
  var made = false;
  try {
    var template = migrateTemplate(String(source.thingTemplate), options, templates, steps);
    if (template.problem) {
      step.message = template.problem;
      return step;
    }
    step.copied.push("template " + template.target);
    if (!options.dryRun) {
      makeMigratedThing(source, step.target, template.target);
      made = true;
    }
    fillDevice(step, source, made ? Things[step.target] : undefined, template.definitions);
    step.outcome = migrationOutcome("created", options);
  } catch (thrown) {
    step.message = errorText(thrown);
    if (made) {
      removeMade(step, "Things", "DeleteThing");
    }
  }
  return step;
}

function fillDevice(step, source, target, definitions) {
  var definition = entityDefinition("Things", step.source);
  var add = function (shape) {
    Resources["EntityServices"].AddShapeToThing({ name: step.target, thingShapeName: shape });
  };
  if (target) {
    add(MIGRATED_SHAPE);
  }
  copyShapes(step, target, definition, add);
  copyDefinitions(step, target, definition.thingShape || {}, definition.remotePropertyBindings);
  reportNotCopied(step, definition, definition.thingShape || {});
  var stream = historyStream(source, definitions);
  if (stream !== "") {
    step.copied.push("value stream " + stream);
  }
  if (target) {
    target.EnableThing();
    if (stream !== "") {
      target.SetValueStream({ name: stream });
    }
    target.RestartThing();
  }
  copyValues(step, source, target);
  copyRights(step, source, target, ["Visibility", "RunTime", "DesignTime"]);
  if (isSet(source.GetIdentifier())) {
    step.dropped.push("identifier (it belongs to the remote connection)");
  }
}

/* A value in the form in which a call to ThingWorx has it. */
function callValue(value, baseType) {
  switch (baseType) {
    case "DATETIME":
      return new Date(isoTime(value)).getTime();
    case "NUMBER":
    case "INTEGER":
    case "LONG":
      return Number(value);
    case "BOOLEAN":
      return String(value) === "true";
    case "INFOTABLE":
      return plain(value.ToJSON());
    case "STRING":
    case "TEXT":
    case "THINGNAME":
      return String(value);
    default:
      return plain(value);
  }
}

/* The values that outlive a restart, at their times; those of devices come anew. Then the Thing gets its device: from now on it receives values. */
function copyValues(step, source, target) {
  var names = [];
  var rows = [];
  source
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (row) {
      var name = String(row.name);
      var isOwn = DEVICE_PROPERTIES.indexOf(name) < 0 && name !== PTC.hubProperty;
      if (!isOwn || String(row.isPersistent) !== "true" || !isSet(source[name])) {
        return;
      }
      if (String(row.baseType) === "PASSWORD") {
        step.dropped.push("value of " + name + " (a password)");
        return;
      }
      var time = source.GetPropertyTime({ propertyName: name }).getTime();
      if (time > 0) {
        names.push(name);
        rows.push(
          timedValue(name, String(row.baseType), callValue(source[name], String(row.baseType)), time)
        );
      }
    });
  if (names.length > 0) {
    step.copied.push("values of " + names.join(", "));
  }
  if (!target) {
    return;
  }
  writeEach(step, target, rows);
  var now = new Date().getTime() + 1;
  writeTimedValues(target, [
    timedValue("migratedFrom", "THINGNAME", step.source, now),
    timedValue("deviceId", "STRING", step.source, now),
    timedValue("hubThing", "THINGNAME", String(me.name), now)
  ]);
}

/* In one call where that is possible: ThingWorx refuses all values for the sake of one. */
function writeEach(step, target, rows) {
  if (rows.length === 0) {
    return;
  }
  try {
    writeTimedValues(target, rows);
  } catch (ignored) {
    rows.forEach(function (row) {
      try {
        writeTimedValues(target, [row]);
      } catch (thrown) {
        step.dropped.push("value of " + row.name + " (" + errorText(thrown) + ")");
      }
    });
  }
}
