/* The device Things that migrations have made for this hub Thing, page by page; on the first page also the record of what else they have made. */
var MOST = 1000;

function run() {
  var content = contentOf("request", request);
  var rest = ThingShapes[MIGRATED_SHAPE]
    .GetImplementingThings()
    .rows.toArray()
    .map(function (row) {
      return String(row.name);
    })
    .sort()
    .filter(function (name) {
      return !isSet(content.after) || name > content.after;
    });
  var page = rest.slice(0, MOST);
  var answer = { things: [] };
  page.forEach(function (name) {
    var thing = Things[name];
    if (thing && isSet(thing.migratedFrom) && String(thing.hubThing) === String(me.name)) {
      answer.things.push({ thing: name, source: String(thing.migratedFrom) });
    }
  });
  if (page.length < rest.length) {
    answer.after = page[page.length - 1];
  }
  if (!isSet(content.after)) {
    answer.record = migrationRecord();
  }
  return answer;
}

var result = run();
