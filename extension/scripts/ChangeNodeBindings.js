/* Binds properties of one Thing to nodes of OPC UA servers, and undoes it. What is there already stays, so that it can be called again. */
var SHAPE = "AzureIoT.BoundNodes_TS";
/* Base types that take the values of another one. */
var WIDER = {
  INTEGER: ["LONG", "NUMBER", "STRING"],
  LONG: ["NUMBER", "STRING"],
  NUMBER: ["STRING"],
  BOOLEAN: ["STRING"],
  STRING: ["TEXT"],
  DATETIME: ["STRING"]
};

function makeThing(content) {
  if (!/^[^\s&:/+?#%"'<>\\]+$/.test(content.thing)) {
    throw new Error(
      "REQUEST_INVALID: ThingWorx does not allow the name " +
        content.thing +
        ": choose another one for the Thing."
    );
  }
  if (!ThingTemplates[content.thingTemplate]) {
    throw new Error(
      "REQUEST_INVALID: There is no Thing Template " + content.thingTemplate + ", or it is not visible."
    );
  }
  Resources["EntityServices"].CreateThing({
    name: content.thing,
    description: "Made for nodes of OPC UA servers.",
    thingTemplateName: content.thingTemplate,
    projectName: content.project,
    tags: ""
  });
  var thing = Things[content.thing];
  if (!thing) {
    throw new Error(
      "REQUEST_INVALID: The Thing " +
        content.thing +
        " was made and is not visible: call GrantPermissions with the template " +
        content.thingTemplate +
        "."
    );
  }
  thing.EnableThing();
  return thing;
}

/* The Thing with the shape; a new or changed one has to be restarted. */
function openThing(content) {
  var thing = Things[content.thing];
  var isNew = !thing;
  if (isNew && content.createThing !== true) {
    throw new Error(
      "REQUEST_INVALID: There is no Thing " +
        content.thing +
        ", or it is not visible. Set createThing to create it."
    );
  }
  if (isNew) {
    thing = makeThing(content);
  }
  var hasShape = String(thing.ImplementsShape({ thingShapeName: SHAPE })) === "true";
  if (!hasShape) {
    Resources["EntityServices"].AddShapeToThing({ name: content.thing, thingShapeName: SHAPE });
  }
  if (isNew || !hasShape) {
    thing.RestartThing();
  }
  return thing;
}

function definitionsOf(thing) {
  var definitions = {};
  thing
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (row) {
      definitions["$" + String(row.name)] = String(row.baseType);
    });
  return definitions;
}

/* Whether the property can have the value: it is free, or it exists with a fitting base type. */
function takes(definitions, name, baseType) {
  var present = definitions["$" + name];
  return present === undefined || present === baseType || (WIDER[baseType] || []).indexOf(present) >= 0;
}

function isSameNode(one, other) {
  return one.nodeId === other.nodeId && one.endpointUrl === other.endpointUrl && one.source === other.source;
}

/* The name that the property gets: that of the binding which the node has, the wanted one, or that with a number. */
function chooseName(wanted, rows, definitions) {
  var own = rows.filter(function (row) {
    return isSameNode(row, wanted);
  })[0];
  if (wanted.isNamed) {
    return wanted.property;
  }
  if (own) {
    return own.property;
  }
  var isFree = function (name) {
    return (
      TAKEN_NAMES.indexOf(name) < 0 &&
      !rows.some(function (row) {
        return row.property === name || reportedName(row.property) === name;
      }) &&
      takes(definitions, name, wanted.baseType)
    );
  };
  var base = wanted.property === "" ? "value" : wanted.property;
  for (var number = 1; number <= 1000; number++) {
    var name = number === 1 ? base : base + "_" + number;
    if (isFree(name)) {
      return name;
    }
  }
  throw new Error(
    "REQUEST_INVALID: The Thing has too many properties " + base + "_<number>. Name the property."
  );
}

/* The row of the table for a binding that is wanted, and the properties that it needs and the Thing does not have. */
function plan(wanted, rows, definitions) {
  var name = chooseName(wanted, rows, definitions);
  var before = rows.filter(function (row) {
    return row.property === name;
  })[0];
  if (before && !isSameNode(before, wanted)) {
    throw new Error(
      "REQUEST_INVALID: The property " +
        name +
        " is bound to " +
        before.nodeId +
        " of " +
        before.endpointUrl +
        " by " +
        before.publisher +
        ". Call UnbindNodes for it first, or choose another property."
    );
  }
  if (TAKEN_NAMES.indexOf(name) >= 0) {
    throw new Error(
      "REQUEST_INVALID: The property " +
        name +
        " has another meaning on every such Thing. Choose another name."
    );
  }
  var needed = wanted.isWritable ? [name, reportedName(name)] : [name];
  needed.forEach(function (property) {
    if (!takes(definitions, property, wanted.baseType)) {
      throw new Error(
        "REQUEST_INVALID: The property " +
          property +
          " has the base type " +
          definitions["$" + property] +
          "; the node needs " +
          wanted.baseType +
          ". Choose another property."
      );
    }
  });
  var added = before && isSet(before.addedProperties) ? before.addedProperties.split(", ") : [];
  var missing = needed.filter(function (property) {
    return definitions["$" + property] === undefined;
  });
  var row = {};
  Object.keys(BINDING_FIELDS).forEach(function (field) {
    if (wanted[field] !== undefined) {
      row[field] = wanted[field];
    }
  });
  row.property = name;
  row.addedProperties = added
    .concat(
      missing.filter(function (property) {
        return added.indexOf(property) < 0;
      })
    )
    .join(", ");
  /* Without writing the node's value is in the property itself again. */
  var reported = reportedName(name);
  var obsolete = !wanted.isWritable && added.indexOf(reported) >= 0 ? [reported] : [];
  return { row: row, before: before, missing: missing, obsolete: obsolete };
}

function writeTable(thing, rows) {
  thing.nodeBindings = toTable(rows, { dataShape: "AzureIoT.NodeBinding_DS", fields: BINDING_FIELDS });
}

function rangeText(row) {
  return row.minimum === undefined ? "" : " Range: " + row.minimum + " to " + row.maximum + ".";
}

function isNumeric(baseType) {
  return baseType === "NUMBER" || baseType === "INTEGER" || baseType === "LONG";
}

function addProperty(thing, row, name, logged) {
  var isSetpoint = row.isWritable === true && name === row.property;
  thing.AddPropertyDefinition({
    name: name,
    description:
      (isSetpoint ? "Written to the node " : "The value of the node ") +
      row.nodeId +
      " of " +
      row.endpointUrl +
      "." +
      rangeText(row),
    type: row.baseType,
    category: "OPC UA",
    readOnly: false,
    persistent: false,
    logged: logged && !isSetpoint,
    remote: false,
    dataChangeType: isSetpoint ? "ALWAYS" : "VALUE",
    dataShape: ""
  });
  if (isSet(row.units) && isNumeric(row.baseType)) {
    thing.SetUnitsForNumericPropertyDefinition({ propertyName: name, units: row.units });
  }
}

/* Whether the values of the property get a history; the reason if not. */
function keepHistory(thing, row, valueStream) {
  var name = valueProperty(row);
  try {
    thing.SetPropertyLogging({ propertyName: name, enabled: true });
    if (!isSet(thing.GetValueStream()) && isSet(valueStream)) {
      thing.SetValueStream({ name: valueStream });
    }
    return String(thing.GetEffectivePropertyLogging({ propertyName: name })) === "true"
      ? ""
      : "The values have no history: the Thing has no value stream. Name one in valueStream.";
  } catch (thrown) {
    return "The values have no history: " + errorText(thrown);
  }
}

/* The table is written first: what an interrupted call has added is known then, and the next call finishes it. */
function bind(thing, content) {
  var rows = bindingsOf(thing, BINDING_FIELDS);
  var definitions = definitionsOf(thing);
  var plans = [];
  var answers = content.bindings.map(function (wanted) {
    try {
      var planned = plan(wanted, rows, definitions);
      rows = rows
        .filter(function (row) {
          return row !== planned.before;
        })
        .concat([planned.row]);
      planned.missing.forEach(function (name) {
        definitions["$" + name] = wanted.baseType;
      });
      plans.push(planned);
      return { nodeId: wanted.nodeId, binding: planned.row };
    } catch (thrown) {
      return { nodeId: wanted.nodeId, message: errorText(thrown) };
    }
  });
  if (plans.length === 0) {
    return answers;
  }
  writeTable(thing, rows);
  var changed = false;
  plans.forEach(function (planned) {
    var answer = answers.filter(function (one) {
      return one.binding === planned.row;
    })[0];
    try {
      planned.missing.forEach(function (name) {
        addProperty(thing, planned.row, name, content.logged === true);
        changed = true;
      });
      planned.obsolete.forEach(function (name) {
        thing.RemovePropertyDefinition({ name: name });
        planned.row.addedProperties = planned.row.addedProperties
          .split(", ")
          .filter(function (added) {
            return added !== name;
          })
          .join(", ");
        changed = true;
      });
    } catch (thrown) {
      delete answer.binding;
      answer.message = errorText(thrown);
      rows = rows
        .filter(function (row) {
          return row !== planned.row;
        })
        .concat(planned.before ? [planned.before] : []);
    }
  });
  if (changed) {
    thing.RestartThing();
  }
  writeTable(thing, rows);
  if (content.logged === true) {
    answers.forEach(function (answer) {
      if (answer.binding) {
        answer.message = keepHistory(thing, answer.binding, content.valueStream);
      }
    });
  }
  return answers;
}

function unbindOne(thing, row, definitions, removeProperties) {
  var removed = [];
  if (removeProperties && isSet(row.addedProperties)) {
    row.addedProperties.split(", ").forEach(function (name) {
      /* It may be gone since an earlier call, or by somebody else. */
      if (definitions["$" + name] !== undefined) {
        thing.RemovePropertyDefinition({ name: name });
        removed.push(name);
      }
    });
  }
  return removed;
}

function unbind(thing, content) {
  var rows = bindingsOf(thing, BINDING_FIELDS);
  var definitions = definitionsOf(thing);
  var changed = false;
  var answers = content.unbind.map(function (property) {
    var row = rows.filter(function (one) {
      return one.property === property;
    })[0];
    var answer = { property: property, removedProperties: [] };
    try {
      if (row) {
        answer.removedProperties = unbindOne(thing, row, definitions, content.removeProperties === true);
        changed = changed || answer.removedProperties.length > 0;
        rows = rows.filter(function (one) {
          return one !== row;
        });
      }
    } catch (thrown) {
      answer.message = errorText(thrown);
    }
    return answer;
  });
  if (changed) {
    thing.RestartThing();
  }
  writeTable(thing, rows);
  return answers;
}

function run() {
  var content = contentOf("request", request);
  var answer = { answers: [] };
  try {
    if (content.unbind) {
      var bound = Things[content.thing];
      if (!bound) {
        throw new Error("REQUEST_INVALID: There is no Thing " + content.thing + ", or it is not visible.");
      }
      answer.answers = unbind(bound, content);
    } else {
      answer.answers = bind(openThing(content), content);
    }
  } catch (thrown) {
    answer.refusal = errorText(thrown);
  }
  return answer;
}

var result = run();
