import { isPlainObject } from '../coerce/structure.ts';
import { EVERY, Flaw, parsePath } from './path.ts';
import { opened, type Scope, step } from './scope.ts';

/** The elements that a rule treats one by one, no more than the limits let the body have. Never throws. */
export type FanOut = (scope: Scope) => readonly Scope[];

/** On the way along the path: where it stands, and the element that the last wildcard chose (at first the body). */
interface Standing {
  readonly scope: Scope;
  readonly chosen: unknown;
}

/** Compiles `each`: a path from the body to one element, or with `[*]` or `.*` to several. */
export function compileFanOut(text: string): FanOut | Flaw {
  const parsed = parsePath(text);
  if (parsed instanceof Flaw) return parsed;
  if (parsed.start !== 'item' && parsed.start !== 'root')
    return new Flaw('"each" begins at the body: $ or a key');
  const steps = parsed.steps.filter(
    (next): next is string | number | typeof EVERY => typeof next !== 'symbol' || next === EVERY,
  );
  if (steps.length !== parsed.steps.length)
    return new Flaw('"each" has no element yet whose $key it could use');
  return (scope) => {
    let standings: readonly Standing[] = [{ scope, chosen: scope.item }];
    for (const next of steps) {
      standings = standings.flatMap((standing) =>
        next === EVERY ? spread(standing) : follow(standing, next),
      );
    }
    return standings.map(finish);
  };
}

/** The elements of an array or members of an object, each in a scope of its own. */
function spread({ scope, chosen }: Standing): Standing[] {
  const item = opened(scope.item, scope);
  const around = [chosen, ...scope.around];
  const keysAround = [scope.key, ...scope.keysAround];
  const standing = (element: unknown, key: string | number): Standing => ({
    scope: { ...scope, item: element, around, key, keysAround },
    chosen: element,
  });
  if (Array.isArray(item)) return item.map(standing);
  return isPlainObject(item) ? Object.keys(item).map((key) => standing(item[key], key)) : [];
}

function follow({ scope, chosen }: Standing, key: string | number): Standing[] {
  const value = step(scope.item, key, scope);
  return value === undefined ? [] : [{ scope: { ...scope, item: value }, chosen }];
}

/** Where the path went on after its last wildcard, the element chosen there is around the one it came to. */
function finish({ scope, chosen }: Standing): Scope {
  if (scope.item === chosen) return scope;
  return { ...scope, around: [chosen, ...scope.around], keysAround: [scope.key, ...scope.keysAround] };
}
