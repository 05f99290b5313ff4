import { ConnectorError } from '../errors/connector-error.ts';

/** IoT Hub takes queries of 8,192 bytes; the condition of a job is the part after WHERE. */
const MAX_BYTES = 8_000;

/**
 * The conditions of the jobs that together stand for one condition: itself, or, when it is longer than IoT Hub takes, several that share
 * its list `deviceId IN ['a', 'b']`. The list may be joined to the rest by AND: each device then meets one condition at most.
 *
 * @throws ConnectorError REQUEST_INVALID
 */
export function splitCondition(condition: string, maxBytes = MAX_BYTES): string[] {
  if (sizeOf(condition) <= maxBytes) return [condition];
  const terms = termsOf(condition) ?? [];
  const lists = terms.map(listOf);
  const sizes = lists.map((list) => list?.items.length ?? 0);
  const longest = sizes.indexOf(Math.max(...sizes));
  const list = lists[longest];
  if (!list) throw tooLong(condition, maxBytes);
  const whole = (items: readonly string[]) =>
    terms
      .map((term, index) => (index === longest ? `${list.path} IN [${items.join(', ')}]` : term))
      .join(' AND ');
  const room = maxBytes - sizeOf(whole([]));
  const parts: string[] = [];
  let items: string[] = [];
  let used = 0;
  for (const item of new Set(list.items)) {
    const bytes = sizeOf(item) + 2;
    if (bytes > room) throw tooLong(condition, maxBytes);
    if (used + bytes > room) {
      parts.push(whole(items));
      items = [];
      used = 0;
    }
    items.push(item);
    used += bytes;
  }
  return [...parts, whole(items)];
}

const sizeOf = (text: string) => Buffer.byteLength(text);

function tooLong(condition: string, maxBytes: number): ConnectorError {
  return new ConnectorError(
    'REQUEST_INVALID',
    `condition has ${sizeOf(condition)} bytes; IoT Hub takes ${maxBytes}. Expected a shorter condition, or a list such as ` +
      "deviceId IN ['a', 'b'], alone or joined to a short rest by AND: it is split into several jobs.",
  );
}

const STRING = String.raw`'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"`;
const TERM_PARTS = new RegExp(String.raw`${STRING}|[()[\]]|(?<![\w.$-])(?:AND|OR|NOT)(?![\w.$-])`, 'gis');
const LIST = /^([A-Za-z_$][\w$.-]*)\s+IN\s*\[(.*)\]$/is;
const ITEM = new RegExp(String.raw`\s*(${STRING}|-?[\d.]+(?:e[+-]?\d+)?|true|false|null)\s*(,|$)`, 'isy');

/** What a condition joins by AND; undefined when there is more than that. */
function termsOf(condition: string): string[] | undefined {
  const terms: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: part, index } of condition.matchAll(TERM_PARTS)) {
    if ('(['.includes(part)) depth += 1;
    else if (')]'.includes(part)) depth -= 1;
    else if (depth > 0 || /^['"]/.test(part)) continue;
    else if (part.toUpperCase() !== 'AND') return undefined;
    else {
      terms.push(condition.slice(start, index).trim());
      start = index + part.length;
    }
  }
  return depth === 0 ? [...terms, condition.slice(start).trim()] : undefined;
}

/** The path and the literals of `path IN [...]`. */
function listOf(term: string): { path: string; items: string[] } | undefined {
  const [, path, content] = LIST.exec(term) ?? [];
  if (path === undefined || content === undefined) return undefined;
  const items: string[] = [];
  ITEM.lastIndex = 0;
  while (ITEM.lastIndex < content.length) {
    const item = ITEM.exec(content);
    if (!item) return undefined;
    items.push(item[1] as string);
  }
  return { path, items };
}
