import type { AnyNode, Program } from 'acorn';

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** Child nodes in source order. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const name of Object.keys(node)) {
    const value: unknown = node[name as keyof AnyNode];
    if (isNode(value)) {
      children.push(value);
    } else if (Array.isArray(value)) {
      for (const one of value) {
        if (isNode(one)) {
          children.push(one);
        }
      }
    }
  }
  return children;
}

/** Visits every node before its children; `ancestors` are those above it, outermost first. */
export function walk(program: Program, visit: (node: AnyNode, ancestors: readonly AnyNode[]) => void): void {
  const ancestors: AnyNode[] = [];
  const step = (node: AnyNode): void => {
    visit(node, ancestors);
    ancestors.push(node);
    let before: AnyNode | undefined;
    for (const child of childrenOf(node)) {
      // In `{a}` key and value are the same node.
      if (child !== before) {
        step(child);
      }
      before = child;
    }
    ancestors.pop();
  };
  step(program);
}

export function isFunction(node: AnyNode): boolean {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  );
}

export function isLoop(node: AnyNode): boolean {
  return (
    node.type === 'ForStatement' ||
    node.type === 'ForInStatement' ||
    node.type === 'ForOfStatement' ||
    node.type === 'WhileStatement' ||
    node.type === 'DoWhileStatement'
  );
}
