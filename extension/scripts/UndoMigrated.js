/* Removes what migrations have made, and nothing else: device Things that say where they come from, or one entry of the record. */
function removeDevice(name) {
  var thing = Things[name];
  if (!thing) {
    return "gone";
  }
  var isMade =
    String(thing.ImplementsShape({ thingShapeName: MIGRATED_SHAPE })) === "true" &&
    isSet(thing.migratedFrom) &&
    String(thing.hubThing) === String(me.name);
  if (!isMade) {
    throw new Error("REQUEST_INVALID: " + name + " was not made by a migration to " + me.name + ".");
  }
  Resources["EntityServices"].DeleteThing({ name: name });
  return "deleted";
}

function removeRecorded(entry) {
  var outcome = "deleted";
  if (!isRecorded(entry.collection, entry.entity)) {
    throw new Error(
      "REQUEST_INVALID: " + entry.entity + " is not in the record of what migrations have made."
    );
  }
  switch (entry.collection) {
    case "Settings":
      me[entry.entity] = entry.entity === "mappings" ? {} : "";
      outcome = "emptied";
      break;
    case "ThingTemplates":
      if (ThingTemplates[entry.entity]) {
        Resources["EntityServices"].DeleteThingTemplate({ name: entry.entity });
      } else {
        outcome = "gone";
      }
      break;
    default:
      if (Things[entry.entity]) {
        Resources["EntityServices"].DeleteThing({ name: entry.entity });
      } else {
        outcome = "gone";
      }
  }
  forgetMigration(entry.collection, entry.entity);
  return outcome;
}

function run() {
  var content = contentOf("request", request);
  var answer = { outcomes: [] };
  function attempt(entity, work) {
    try {
      answer.outcomes.push({ entity: entity, outcome: work(), message: "" });
    } catch (thrown) {
      answer.outcomes.push({ entity: entity, outcome: "failed", message: errorText(thrown) });
    }
  }
  (content.things || []).forEach(function (name) {
    attempt(name, function () {
      return removeDevice(name);
    });
  });
  (content.record || []).forEach(function (entry) {
    attempt(entry.entity, function () {
      return removeRecorded(entry);
    });
  });
  return answer;
}

var result = run();
