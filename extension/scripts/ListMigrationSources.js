/* The Things of PTC's connector of one kind, by name; of devices a page of those that belong to the hub, with their tags. `after` of the answer is the name
   to go on after; it is absent on the last page. */
var MOST = 1000;

function run() {
  var content = contentOf("request", request);
  if (content.kind !== "device") {
    var templates = { hub: PTC.hubTemplate, storage: PTC.storageTemplate, container: PTC.containerTemplate };
    return {
      things: ptcThingNames(templates[content.kind]).map(function (name) {
        return { thing: name, tags: [] };
      })
    };
  }
  var options = migrationOptions(content.options || {});
  var rest = ptcThingNames(PTC.deviceTemplate).filter(function (name) {
    return !isSet(content.after) || name > content.after;
  });
  var page = rest.slice(0, MOST);
  var answer = { things: [] };
  page.forEach(function (name) {
    var thing = Things[name];
    var hub = thing ? ptcHubOf(thing) : "other";
    if (hub === "" || hub === options.sourceHub) {
      answer.things.push({
        thing: name,
        tags: thing
          .GetTagsAsInfoTable()
          .rows.toArray()
          .map(function (row) {
            return String(row.vocabulary) + ":" + String(row.vocabularyTerm);
          })
      });
    }
  });
  if (page.length < rest.length) {
    answer.after = page[page.length - 1];
  }
  return answer;
}

var result = run();
