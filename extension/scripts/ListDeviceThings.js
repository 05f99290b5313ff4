/* One page of the Things of devices of this hub, by name; with a template the Things of it that have no hub yet are among them.
   `after` of the answer is the name to go on after; it is absent on the last page. */
var MOST = 2000;

function textOf(thing, property) {
  try {
    var value = thing[property];
    return isSet(value) ? String(value) : "";
  } catch (ignored) {
    return "";
  }
}

function names() {
  return ThingShapes["AzureIoT.Device_TS"]
    .GetImplementingThings()
    .rows.toArray()
    .map(function (row) {
      return String(row.name);
    })
    .sort();
}

function isDerived(thing, template) {
  return template === "" || String(thing.IsDerivedFromTemplate({ thingTemplateName: template })) === "true";
}

function run() {
  var input = contentOf("request", request);
  var template = isSet(input.template) ? String(input.template) : "";
  if (template !== "" && !ThingTemplates[template]) {
    throw new Error("REQUEST_INVALID: There is no Thing Template " + template + ", or it is not visible.");
  }
  var limit = Math.min(Number(input.limit) || MOST, MOST);
  var rest = names().filter(function (name) {
    return !isSet(input.after) || name > input.after;
  });
  var page = rest.slice(0, limit);
  var things = [];
  page.forEach(function (name) {
    var thing = Things[name];
    if (!thing) {
      return;
    }
    var hub = textOf(thing, "hubThing");
    if ((hub === String(me.name) || (hub === "" && template !== "")) && isDerived(thing, template)) {
      things.push({ thing: name, deviceId: textOf(thing, "deviceId") || name, linked: hub !== "" });
    }
  });
  var answer = { things: things };
  if (page.length < rest.length) {
    answer.after = page[page.length - 1];
  }
  return answer;
}

var result = run();
