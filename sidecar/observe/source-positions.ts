import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

const PLACE = /(file:\/\/[^\s()]+):(\d+):(\d+)/g;

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
    return stack.replaceAll(PLACE, (place, file: string, line: string, column: string) => {
      if (file !== this.#program) return place;
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
      return 'originalSource' in entry ? `${entry.originalSource}:${entry.originalLine + 1}` : place;
    });
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
