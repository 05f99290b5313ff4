import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Where in the program, after its address. */
const PLACE = /^:(\d+):(\d+)/;

/**
 * Translates the stacks of the bundled program into files and lines of its sources, by the source map beside it. Node's own way,
 * `--enable-source-maps`, costs a tenth of the processor time of each message, also while there is no error; this one costs nothing until
 * a stack is logged.
 */
export class SourcePositions {
  readonly #program: string;
  #map: SourceMap | undefined;
  #isRead = false;

  /** @param program the address of the program, such as file:///opt/azure-iot-sidecar/program.mjs */
  constructor(program: string) {
    this.#program = program;
  }

  /** The stack as it is when the program has no source map, as while it runs from its sources. */
  inSources(stack: string): string {
    const map = this.#read();
    if (map === undefined) return stack;
    const [before = '', ...after] = stack.split(this.#program);
    return after.reduce((translated, rest) => translated + this.#inSources(rest, map), before);
  }

  /** The text after the address of the program, with the source in place of both. */
  #inSources(rest: string, map: SourceMap): string {
    const [place, line, column] = PLACE.exec(rest) ?? [];
    const entry = place && map.findEntry(Number(line) - 1, Number(column) - 1);
    if (!entry || !('originalSource' in entry) || !entry.originalSource) return this.#program + rest;
    return `${entry.originalSource}:${entry.originalLine + 1}${rest.slice(place.length)}`;
  }

  #read(): SourceMap | undefined {
    if (this.#isRead) return this.#map;
    this.#isRead = true;
    try {
      this.#map = new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(this.#program)}.map`, 'utf8')));
    } catch {
      // Without a map the stack shows places in the program.
    }
    return this.#map;
  }
}
