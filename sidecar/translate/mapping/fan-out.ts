import { isPlainObject } from '../coerce/structure.ts';
import { EVERY, Flaw, parsePath, type Step } from './path.ts';
import type { Scope } from './scope.ts';

/** The elements that a rule treats one by one, no more than the limits let the body have. Never throws. */
export type FanOut = (scope: Scope) => readonly Scope[];

/** On the way along the path: where it stands, and the element that the last wildcard chose (at first the body). */
interface Standing {
  readonly scope: Scope;
  readonly chosen: unknown;
}

/** Compiles `each`: a path from the body with at least one `[*]` or `.*`. */
export function compileFanOut(text: string): FanOut | Flaw {
  const parsed = parsePath(text);
  if (parsed instanceof Flaw) return parsed;
  if (parsed.start !== 'item' && parsed.start !== 'root')
    return new Flaw('"each" begins at the body: $ or a key');
  if (!parsed.steps.includes(EVERY)) {
    return new Flaw('"each" needs [*] for every element of an array or .* for every member of an object');
  }
  return (scope) => {
    let standings: readonly Standing[] = [{ scope, chosen: scope.item }];
    for (const step of parsed.steps) {
      standings = standings.flatMap((standing) =>
        step === EVERY ? spread(standing) : follow(standing, step),
      );
    }
    return standings.map(finish);
  };
}

/** The elements of an array or members of an object, each in a scope of its own. */
function spread({ scope, chosen }: Standing): Standing[] {
  const { item } = scope;
  const around = [chosen, ...scope.around];
  const standing = (element: unknown, key: string | number): Standing => ({
    scope: { ...scope, item: element, around, key },
    chosen: element,
  });
  if (Array.isArray(item)) return item.map(standing);
  return isPlainObject(item) ? Object.keys(item).map((key) => standing(item[key], key)) : [];
}

function follow({ scope, chosen }: Standing, step: Exclude<Step, typeof EVERY>): Standing[] {
  const { item } = scope;
  let value: unknown;
  if (Array.isArray(item)) value = typeof step === 'number' ? item.at(step) : undefined;
  else if (isPlainObject(item) && Object.hasOwn(item, step)) value = item[step];
  return value === undefined ? [] : [{ scope: { ...scope, item: value }, chosen }];
}

/** Where the path went on after its last wildcard, the element chosen there is around the one it came to. */
function finish({ scope, chosen }: Standing): Scope {
  return scope.item === chosen ? scope : { ...scope, around: [chosen, ...scope.around] };
}
