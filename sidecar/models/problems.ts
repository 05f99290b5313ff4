import { ConnectorError } from '../errors/connector-error.ts';

/** Problems shown at once; a document with more has one thing wrong in many places. */
const MAX_SHOWN = 10;
/** A problem quotes what the document has, which may be long. */
const MAX_LENGTH = 600;

/** What is wrong in models, and what is left out of them: collected, so that a person sees all of it at once. */
export class Problems {
  readonly #found: string[] = [];
  readonly #notes = new Set<string>();

  /** Something for which no package can be made. */
  add(place: string, text: string): void {
    const problem = `${place}: ${text}`;
    this.#found.push(problem.length > MAX_LENGTH ? `${problem.slice(0, MAX_LENGTH)}...` : problem);
  }

  /** Something that the package lacks or has otherwise than the model. */
  note(place: string, text: string): void {
    this.#notes.add(`${place}: ${text}`);
  }

  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** @throws ConnectorError MODEL_INVALID when something was found */
  throwIfAny(): void {
    const count = this.#found.length;
    if (count === 0) return;
    const shown = this.#found.slice(0, MAX_SHOWN).join(' ');
    const rest = count > MAX_SHOWN ? ` And ${count - MAX_SHOWN} more.` : '';
    throw new ConnectorError('MODEL_INVALID', `${shown}${rest}`, { details: { problems: this.#found } });
  }
}
