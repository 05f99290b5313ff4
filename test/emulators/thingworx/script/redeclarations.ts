import type { AnyNode, Program } from 'acorn';
import { boundIdentifiers } from './scopes.ts';
import { childrenOf, isFunction } from './walk.ts';

export interface Redeclaration {
  name: string;
  /** What the name was before, in the engine's words: `const`, `var`, `variable` (let), `formal parameter`, `function`. */
  previous: string;
  at: number;
}

type Kind = 'const' | 'var' | 'let' | 'parameter' | 'function';

interface Symbols {
  names: Map<string, Kind>;
  parent: Symbols | undefined;
}

const words: Record<Kind, string> = {
  const: 'const',
  var: 'var',
  let: 'variable',
  parameter: 'formal parameter',
  function: 'function',
};

/**
 * Names that Rhino refuses to declare again. Its parser keeps one table per function and one per block, in the order of the
 * source: `let` goes into the block's, everything else into the function's. A const clashes with any earlier name that is
 * visible, and every later declaration clashes with a visible const.
 */
export function findRedeclarations(program: Program): Redeclaration[] {
  const found: Redeclaration[] = [];

  const define = (kind: Kind, name: string, at: number, block: Symbols, owner: Symbols): void => {
    let definer: Symbols | undefined = block;
    while (definer !== undefined && !definer.names.has(name)) {
      definer = definer.parent;
    }
    const previous = definer?.names.get(name);
    if (
      previous !== undefined &&
      (previous === 'const' || kind === 'const' || (definer === block && previous === 'let'))
    ) {
      found.push({ name, previous: words[previous], at });
      return;
    }
    if (kind === 'let') {
      block.names.set(name, kind);
    } else if (previous === undefined) {
      owner.names.set(name, kind);
    }
  };

  const visit = (node: AnyNode, block: Symbols, owner: Symbols, topOfFunction: boolean): void => {
    if (isFunction(node)) {
      visitFunction(node, block, owner, topOfFunction);
      return;
    }
    if (node.type === 'VariableDeclaration') {
      const kind = node.kind === 'let' || node.kind === 'const' ? node.kind : 'var';
      for (const declarator of node.declarations) {
        for (const { name, start } of boundIdentifiers(declarator.id)) {
          define(kind, name, start, block, owner);
        }
        if (declarator.init != null) {
          visit(declarator.init, block, owner, false);
        }
      }
      return;
    }
    const opensBlock =
      node.type === 'BlockStatement' || node.type.startsWith('For') || node.type === 'SwitchStatement';
    const inner: Symbols = opensBlock ? { names: new Map(), parent: block } : block;
    for (const child of childrenOf(node)) {
      visit(child, inner, owner, false);
    }
  };

  const visitFunction = (node: AnyNode, block: Symbols, owner: Symbols, topOfFunction: boolean): void => {
    const id = node.type === 'FunctionDeclaration' ? node.id : null;
    if (id !== null && (topOfFunction || owner.names.get(id.name) === 'const')) {
      define('function', id.name, id.start, block, owner);
    }
    // `arguments` is a variable of every function but arrow functions.
    const own: Symbols = {
      names: new Map(node.type === 'ArrowFunctionExpression' ? [] : [['arguments', 'var']]),
      parent: undefined,
    };
    if (!('params' in node)) {
      return;
    }
    for (const parameter of node.params) {
      for (const { name } of boundIdentifiers(parameter)) {
        own.names.set(name, 'parameter');
      }
    }
    if (node.body.type === 'BlockStatement') {
      const body: Symbols = { names: new Map(), parent: own };
      for (const statement of node.body.body) {
        visit(statement, body, own, true);
      }
    } else {
      visit(node.body, own, own, false);
    }
  };

  const top: Symbols = { names: new Map(), parent: undefined };
  for (const statement of program.body) {
    visit(statement, top, top, true);
  }
  return found;
}
