/* One page of the Things of devices of this hub, by name; with a template the Things of it that have no hub yet are among them.
   `after` of the answer is the name to go on after; it is absent on the last page. With `details` each has its template, model and a digest
   of its twin tags. With `templates` the answer says instead which of them there are. */
var MOST = 5000;
/* A page ends early rather than keep the platform busy. */
var LONG_MS = 5000;
/* Names that are looked at to guess where a page ends. */
var SAMPLE = 1000;

function textOf(thing, property) {
  try {
    var value = thing[property];
    return isSet(value) ? String(value) : "";
  } catch (ignored) {
    return "";
  }
}

/* The names of all device Things behind a name, as a new list. */
function namesAfter(after) {
  return ThingShapes["AzureIoT.Device_TS"]
    .GetImplementingThings()
    .rows.toArray()
    .map(function (row) {
      return String(row.name);
    })
    .filter(function (name) {
      return !isSet(after) || name > after;
    });
}

/* The first names in order, at least a number of them where there are so many. Of a million names only those of the page are sorted. */
function firstOf(names, least) {
  if (names.length > 4 * least) {
    var step = Math.floor(names.length / SAMPLE) || 1;
    var sample = [];
    for (var index = 0; index < names.length; index += step) {
      sample.push(names[index]);
    }
    sample.sort();
    var bound = sample[Math.min(sample.length - 1, Math.ceil((sample.length * 2 * least) / names.length))];
    var some = names.filter(function (name) {
      return name <= bound;
    });
    if (some.length >= least) {
      return some.sort();
    }
  }
  return names.sort();
}

function isDerived(thing, template) {
  return template === "" || String(thing.IsDerivedFromTemplate({ thingTemplateName: template })) === "true";
}

/* FNV-1a: a text of any length as 32 bits. */
function hashOf(text, seed) {
  var hash = seed;
  for (var place = 0; place < text.length; place += 1) {
    hash ^= text.charCodeAt(place);
    hash = (hash + (hash << 1) + (hash << 4) + (hash << 7) + (hash << 8) + (hash << 24)) >>> 0;
  }
  return hash.toString(16);
}

function describe(thing, found) {
  var tags = sectionOf(thing, "twinTags");
  delete tags.$version;
  var text = canonicalText(tags);
  found.template = textOf(thing, "thingTemplate");
  found.modelId = textOf(thing, "modelId");
  found.tags = text.length + "-" + hashOf(text, 2166136261) + "-" + hashOf(text, 84696351);
  return found;
}

function listPage(input, template) {
  var limit = Math.min(Number(input.limit) || MOST, MOST);
  var rest = namesAfter(input.after);
  var page = firstOf(rest, limit).slice(0, limit);
  /* The time of the list above is not counted: where it alone takes long, each page should have the more Things. */
  var started = new Date().getTime();
  var things = [];
  var looked = 0;
  page.every(function (name) {
    looked += 1;
    var thing = Things[name];
    if (thing) {
      var hub = textOf(thing, "hubThing");
      if ((hub === String(me.name) || (hub === "" && template !== "")) && isDerived(thing, template)) {
        var found = { thing: name, deviceId: textOf(thing, "deviceId") || name, linked: hub !== "" };
        things.push(input.details === true ? describe(thing, found) : found);
      }
    }
    return new Date().getTime() - started < LONG_MS;
  });
  var answer = { things: things };
  if (looked < rest.length) {
    answer.after = page[looked - 1];
  }
  return answer;
}

function presentTemplates(names) {
  return names.filter(function (name) {
    return !!ThingTemplates[name];
  });
}

function run() {
  var input = contentOf("request", request);
  if (input.templates) {
    return { templates: presentTemplates(input.templates) };
  }
  var template = isSet(input.template) ? String(input.template) : "";
  if (template !== "" && !ThingTemplates[template]) {
    throw new Error("REQUEST_INVALID: There is no Thing Template " + template + ", or it is not visible.");
  }
  return listPage(input, template);
}

var result = run();
