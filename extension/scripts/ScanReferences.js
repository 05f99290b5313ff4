/* Entities of one collection that name Things, templates, services or events of PTC's connector: in scripts, subscriptions, bindings and mashups. A
   page of them; `after` of the answer is the name to go on after, and is absent on the last page. */
var SECONDS = 12;
var MOST = 500;
var MOST_NAMES = 20;
var COLLECTIONS = ["Mashups", "Things", "ThingTemplates", "ThingShapes"];
var DEFINED = PTC.things.concat(PTC.services, PTC.events, PTC.shapes, [
  PTC.deviceTemplate,
  PTC.hubTemplate,
  PTC.storageTemplate,
  PTC.containerTemplate,
  PTC.hubProperty
]);
var known = {};

/* Whether a word is the name of an entity that a migration replaces. */
function isOld(word) {
  var key = "$" + word;
  if (known[key] === undefined) {
    known[key] =
      DEFINED.indexOf(word) >= 0 || /^CXSEvent[._]/.test(word) || isOldThing(word) || isOldTemplate(word);
  }
  return known[key];
}

function isOldThing(word) {
  var thing = Things[word];
  if (!thing) {
    return false;
  }
  return [PTC.deviceTemplate, PTC.hubTemplate, PTC.storageTemplate, PTC.containerTemplate].some(
    function (name) {
      return String(thing.IsDerivedFromTemplate({ thingTemplateName: name })) === "true";
    }
  );
}

function isOldTemplate(word) {
  var name = word;
  for (var level = 0; level < 20 && name !== "" && ThingTemplates[name]; level++) {
    if (name === PTC.deviceTemplate) {
      return true;
    }
    name = String(entityDefinition("ThingTemplates", name).baseThingTemplate || "");
  }
  return false;
}

/* The words of a text that can be names: texts in quotes, and what follows a dot. */
function wordsOf(text) {
  var words = [];
  if (text.length <= 128) {
    words.push(text);
  }
  var pattern = /["']([A-Za-z0-9_.$()@,;=!*~[\]{}|^-]{1,128})["']|\.([A-Za-z_][A-Za-z0-9_]{2,127})/g;
  var found = pattern.exec(text);
  while (found) {
    words.push(found[1] || found[2]);
    found = pattern.exec(text);
  }
  return words;
}

/* Where in a definition a text stands, for people. */
function placeOf(path) {
  var services = path.indexOf("serviceImplementations");
  var subscriptions = path.indexOf("subscriptions");
  if (services >= 0) {
    return "service " + path[services + 1];
  }
  if (subscriptions >= 0) {
    return "subscription " + path[subscriptions + 1];
  }
  return path[0] === "mashupContent" ? "mashup" : "definition";
}

function search(value, path, self, places) {
  if (typeof value === "string") {
    wordsOf(value).forEach(function (word) {
      if (word === self || !isOld(word)) {
        return;
      }
      var place = placeOf(path);
      places[place] = places[place] || [];
      if (places[place].indexOf(word) < 0 && places[place].length < MOST_NAMES) {
        places[place].push(word);
      }
    });
    return;
  }
  if (value !== null && typeof value === "object") {
    Object.keys(value).forEach(function (key) {
      /* What is inherited is found where it is defined; values are data, and a device Thing of PTC's names its own hub and template. */
      if (key !== "effectiveShape" && key !== "thingProperties" && key !== "lastModifiedDate") {
        search(value[key], path.concat([key]), self, places);
      }
    });
  }
}

/* PTC's own entities go with its connector. */
function look(collection, name, answer) {
  try {
    if (isOld(name)) {
      return;
    }
    var places = {};
    search(entityDefinition(collection, name), [], name, places);
    Object.keys(places).forEach(function (place) {
      answer.entities.push({ entity: name, place: place, names: places[place] });
    });
  } catch (thrown) {
    answer.failed.push({ entity: name, message: errorText(thrown) });
  }
}

function run() {
  var content = contentOf("request", request);
  var collection = String(content.collection);
  if (COLLECTIONS.indexOf(collection) < 0) {
    throw new Error(
      "REQUEST_INVALID: request must have a collection, one of " + COLLECTIONS.join(", ") + "."
    );
  }
  var endMs = budgetEnd(SECONDS);
  var answer = { entities: [], failed: [], looked: 0 };
  var names = Resources["EntityServices"]
    .GetEntityList({ type: collection, maxItems: 10000000 })
    .rows.toArray()
    .map(function (row) {
      return String(row.name);
    })
    .filter(function (name) {
      return (!isSet(content.after) || name > content.after) && !/^AzureIoT\./.test(name);
    })
    .sort();
  for (var index = 0; index < names.length; index++) {
    if (index >= MOST || (index > 0 && new Date().getTime() > endMs)) {
      answer.after = names[index - 1];
      break;
    }
    answer.looked += 1;
    look(collection, names[index], answer);
  }
  return answer;
}

var result = run();
