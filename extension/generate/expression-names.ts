import { type AnyNode, parse } from 'acorn';

/** What expressions may use beside their parameters. */
const KNOWN = new Set([
  'output',
  'undefined',
  'Array',
  'Boolean',
  'Date',
  'JSON',
  'Math',
  'Number',
  'Object',
  'String',
]);

/** The names in an expression that are neither parameters nor known; a text when it is no script. */
export function unknownNames(expression: string, parameters: readonly string[]): readonly string[] | string {
  let program: AnyNode;
  try {
    program = parse(expression, { ecmaVersion: 2020 });
  } catch (error) {
    return (error as Error).message;
  }
  const found = new Set<string>();
  visit(program, new Set(), found);
  return [...found].filter((name) => !KNOWN.has(name) && !parameters.includes(name));
}

function visit(node: AnyNode, declared: Set<string>, found: Set<string>): void {
  switch (node.type) {
    case 'Identifier':
      if (!declared.has(node.name)) found.add(node.name);
      return;
    case 'MemberExpression':
      visit(node.object, declared, found);
      if (node.computed) visit(node.property, declared, found);
      return;
    case 'Property':
      if (node.computed) visit(node.key, declared, found);
      visit(node.value, declared, found);
      return;
    case 'VariableDeclarator':
      if (node.id.type === 'Identifier') declared.add(node.id.name);
      if (node.init) visit(node.init, declared, found);
      return;
    case 'ArrowFunctionExpression':
    case 'FunctionExpression': {
      const inner = new Set(declared);
      for (const parameter of node.params) if (parameter.type === 'Identifier') inner.add(parameter.name);
      visit(node.body, inner, found);
      return;
    }
    default:
      for (const value of Object.values(node))
        for (const child of [value].flat()) if (isNode(child)) visit(child, declared, found);
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value;
}
