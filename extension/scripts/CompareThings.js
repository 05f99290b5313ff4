/* The values of migrated Things beside those of the Things that they come from, with their times. The sidecar judges them. */
var MOST_TEXT = 200;
var NUMBERS = ["NUMBER", "INTEGER", "LONG"];

function cellsOf(table, name) {
  var row = table.rows[0];
  var inner = row ? row[name] : undefined;
  return inner && inner.rows.length > 0 ? inner.rows[0] : {};
}

function textOfValue(value, baseType) {
  if (!isSet(value)) {
    return "";
  }
  var shown = callValue(value, baseType);
  return typeof shown === "string" ? shown : JSON.stringify(shown);
}

function sideOf(cells, baseType) {
  var text = textOfValue(cells.value, baseType);
  var side = { time: isSet(cells.time) ? new Date(isoTime(cells.time)).getTime() : 0, text: text };
  if (NUMBERS.indexOf(baseType) >= 0 && isSet(cells.value)) {
    side.number = Number(cells.value);
  }
  return side;
}

function compared(name) {
  var thing = Things[name];
  var source = Things[String(thing.migratedFrom)];
  if (!source) {
    return { thing: name, source: String(thing.migratedFrom), properties: [] };
  }
  var own = {};
  thing
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (row) {
      own["$" + String(row.name)] = true;
    });
  var before = source.GetPropertyValuesVTQ();
  var now = thing.GetPropertyValuesVTQ();
  var properties = [];
  source
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (row) {
      var property = String(row.name);
      var baseType = String(row.baseType);
      var isCommon = own["$" + property] === true && BUILT_IN.indexOf(property) < 0;
      if (!isCommon || DEVICE_PROPERTIES.indexOf(property) >= 0 || baseType === "PASSWORD") {
        return;
      }
      var left = sideOf(cellsOf(before, property), baseType);
      var right = sideOf(cellsOf(now, property), baseType);
      properties.push({
        name: property,
        isSame: left.text === right.text,
        before: { time: left.time, text: left.text.slice(0, MOST_TEXT), number: left.number },
        now: { time: right.time, text: right.text.slice(0, MOST_TEXT), number: right.number }
      });
    });
  return { thing: name, source: String(thing.migratedFrom), properties: properties };
}

function run() {
  var answer = { things: [], failed: [] };
  (contentOf("request", request).things || []).forEach(function (name) {
    try {
      if (Things[name]) {
        answer.things.push(compared(name));
      }
    } catch (thrown) {
      answer.failed.push({ thing: name, message: errorText(thrown) });
    }
  });
  answer.time = new Date().getTime();
  return answer;
}

var result = run();
