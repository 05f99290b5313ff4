/** Finds the route of a request: patterns are `/devices/{id}/modules/{module}`, the values are URL-decoded. */
import type { HubRight } from '../hub.ts';
import { HubError } from '../hub-error.ts';
import type { OperationKind } from '../quotas.ts';
import type { RestContext } from './context.ts';
import type { RestAnswer, RestRequest } from './exchange.ts';

export interface Route {
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  pattern: string;
  /** Rights of which a service needs one; or a device (or module) that speaks for itself, named by {id} and {module}. */
  access: readonly HubRight[] | 'device';
  /** The rate that a call uses up; absent when the route or the event stream meters for itself. */
  kind?: OperationKind;
  /** The error format of the direct-method endpoint differs. */
  errorFormat?: 'method';
  handle(request: RestRequest, context: RestContext): Promise<RestAnswer> | RestAnswer;
}

export interface Match {
  route: Route;
  params: Record<string, string>;
}

export class Router {
  readonly #routes: { route: Route; segments: string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: split(route.pattern) }));
  }

  /** Throws GenericNotFound or GenericMethodNotAllowed. A literal segment wins over a parameter. */
  match(method: string, path: string): Match {
    const segments = split(path);
    let best: Match | undefined;
    let bestLiterals = -1;
    let otherMethod = false;
    for (const { route, segments: pattern } of this.#routes) {
      const found = fit(pattern, segments);
      if (!found) continue;
      if (route.method !== method) otherMethod = true;
      else if (found.literals > bestLiterals) {
        best = { route, params: found.params };
        bestLiterals = found.literals;
      }
    }
    if (best) return best;
    if (otherMethod) throw new HubError('GenericMethodNotAllowed', `${method} is not allowed on ${path}`);
    throw new HubError('GenericNotFound', `There is nothing at ${path}`);
  }
}

function split(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function fit(
  pattern: readonly string[],
  segments: readonly string[],
): { params: Record<string, string>; literals: number } | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  let literals = 0;
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(expected)?.[1];
    if (name) params[name] = decode(segment);
    else if (expected.toLowerCase() === segment.toLowerCase()) literals += 1;
    else return undefined;
  }
  return { params, literals };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HubError('ArgumentInvalid', `The address has a malformed escape: ${segment}`);
  }
}
