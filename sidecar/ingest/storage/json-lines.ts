import { isUtf8 } from 'node:buffer';
import { EndsEarly, MAX_RECORD_BYTES, malformed } from './malformed.ts';

const LINE_END = 0x0a;
const BYTE_ORDER_MARK = '\ufeff';

/** The lines of a text file that are not empty, as its bytes arrive. Throws FILE_MALFORMED for a line of absurd length. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let isFirst = true;
  const text = (bytes: Buffer): string => {
    if (!isUtf8(bytes)) throw malformed('is not UTF-8 text');
    const line = bytes.toString('utf8').trim();
    const clean = isFirst && line.startsWith(BYTE_ORDER_MARK) ? line.slice(1) : line;
    isFirst = false;
    return clean;
  };
  for await (const value of chunks) {
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    let begin = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, begin)) {
      const line = text(Buffer.concat([...rest, chunk.subarray(begin, end)]));
      rest = [];
      restBytes = 0;
      begin = end + 1;
      if (line !== '') yield line;
    }
    rest.push(Buffer.from(chunk.subarray(begin)));
    restBytes += chunk.length - begin;
    if (restBytes > MAX_RECORD_BYTES) throw malformed(`has a line of more than ${MAX_RECORD_BYTES} bytes`);
  }
  const last = text(Buffer.concat(rest));
  if (last !== '') yield last;
}

/**
 * The members of the JSON object in a line, each as the JSON text it has: a body keeps its numbers to the last digit. Undefined for
 * anything but an object; EndsEarly for one that breaks off. Of a key that comes twice the last counts.
 */
export function objectMembers(line: string): Map<string, string> | undefined {
  try {
    JSON.parse(line);
  } catch {
    if (line.startsWith('{') && !line.endsWith('}')) throw new EndsEarly();
    return undefined;
  }
  if (!line.startsWith('{')) return undefined;
  // From here on the text is known to be JSON, so brackets and quotes are all there is to look for.
  const members = new Map<string, string>();
  let at = skipSpace(line, 1);
  while (line[at] !== '}') {
    const keyEnd = stringEnd(line, at);
    const key = JSON.parse(line.slice(at, keyEnd)) as string;
    at = skipSpace(line, skipSpace(line, keyEnd) + 1);
    const end = valueEnd(line, at);
    members.set(key, line.slice(at, end).trimEnd());
    at = line[end] === ',' ? skipSpace(line, end + 1) : end;
  }
  return members;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\r' || text[at] === '\n') at += 1;
  return at;
}

/** The index behind the string that begins here. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** The index of the comma or bracket that ends the value that begins here. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const char = text[at];
    if (char === '"') {
      at = stringEnd(text, at);
      continue;
    }
    if (char === '{' || char === '[') depth += 1;
    else if (depth === 0 && (char === ',' || char === '}')) return at;
    else if (char === '}' || char === ']') depth -= 1;
    at += 1;
  }
  return text.length;
}
