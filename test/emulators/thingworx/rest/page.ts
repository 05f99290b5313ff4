import type { Platform } from '../platform.ts';
import { plainText } from '../value-forms.ts';
import { type JsonObject, Password } from '../values.ts';

const mostThings = 200;
const longestText = 200;

/** What the page shows: the Things that are no part of the platform, with their properties. */
export function liveData(platform: Platform): JsonObject {
  const things = platform.store.all('Things');
  return {
    version: platform.version,
    total: things.length,
    things: things.slice(0, mostThings).map((thing) => {
      const properties: JsonObject[] = [];
      for (const { property } of platform.inheritance.thing(thing).properties.values()) {
        if (property.aspects.isBuiltIn === true || property.baseType === 'PASSWORD') {
          continue;
        }
        const { value, timeMs, quality } = platform.properties.readKnown(thing, property);
        const text = value === null || value instanceof Password ? '' : plainText(value);
        properties.push({
          name: property.name,
          baseType: property.baseType,
          value: text.length > longestText ? `${text.slice(0, longestText)}…` : text,
          timeMs,
          quality,
        });
      }
      return {
        name: thing.name,
        template: thing.thingTemplate,
        running: platform.lifecycle.isRunning(thing.name),
        properties,
      };
    }),
  };
}

/** A page that polls live.json. It needs no login: the emulator listens on the loopback address alone. */
export function livePage(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>ThingWorx emulator</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.2rem; }
h2 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
h2 small { color: #666; font-weight: normal; }
table { border-collapse: collapse; }
td, th { padding: .15rem .8rem .15rem 0; text-align: left; border-bottom: 1px solid #eee; }
td.value { font-family: ui-monospace, monospace; max-width: 40rem; overflow-wrap: anywhere; }
tr.fresh td { background: #fff6d6; }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #ddd; } td, th { border-color: #333; } tr.fresh td { background: #3a3313; }
}
</style>
</head>
<body>
<h1>ThingWorx emulator <span id="state"></span></h1>
<label>Show Things named <input id="filter" placeholder="any"></label>
<div id="things"></div>
<script>
const things = document.getElementById('things');
const state = document.getElementById('state');
const filter = document.getElementById('filter');
const seen = new Map();
function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}
function show(data) {
  const fragment = document.createDocumentFragment();
  for (const thing of data.things) {
    if (filter.value && !thing.name.toLowerCase().includes(filter.value.toLowerCase())) continue;
    const head = element('h2', thing.name + ' ');
    head.append(element('small', thing.template + (thing.running ? '' : ', not running')));
    const table = element('table');
    for (const property of thing.properties) {
      const key = thing.name + '/' + property.name;
      const fresh = seen.has(key) && seen.get(key) !== property.timeMs;
      seen.set(key, property.timeMs);
      const row = element('tr', undefined, fresh ? 'fresh' : '');
      row.append(element('td', property.name), element('td', property.value, 'value'),
        element('td', property.timeMs ? new Date(property.timeMs).toISOString() : ''),
        element('td', property.quality), element('td', property.baseType));
      table.append(row);
    }
    fragment.append(head, table);
  }
  things.replaceChildren(fragment);
}
async function poll() {
  try {
    const data = await (await fetch('/live.json')).json();
    state.textContent = data.version + ', ' + data.total + ' Things';
    show(data);
  } catch {
    state.textContent = 'does not answer';
  }
  setTimeout(poll, 1000);
}
poll();
</script>
</body>
</html>
`;
}
