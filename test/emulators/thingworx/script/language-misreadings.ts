import type { AnyNode, Program } from 'acorn';
import type { RawFinding } from '../language.ts';
import type { Scope, ScopeTable } from './scopes.ts';
import { isFunction, isLoop, walk } from './walk.ts';

type Report = (at: number, feature: string, message: string) => void;

/** Everything in a script that Rhino 1.7.11 compiles, but that does not mean what standard JavaScript says. */
export function findMisreadings(program: Program, source: string, scopes: ScopeTable): RawFinding[] {
  const findings: RawFinding[] = [];
  const report: Report = (at, feature, message) => findings.push({ kind: 'misread', at, feature, message });
  walk(program, (node, ancestors) => {
    checkTemplate(node, report);
    checkConstInLoop(node, ancestors, report);
    checkDateText(node, report);
    checkCall(node, report);
    if (
      node.type === 'Literal' &&
      typeof node.value === 'string' &&
      /\\u\{/.test(source.slice(node.start, node.end))
    ) {
      report(node.start, 'code point escape', 'the text \\u{...} is kept as it is written');
    }
  });
  for (const { name, node } of scopes.references) {
    if (name === 'yield') {
      report(node.start, 'the name yield', 'a function with yield is an old-style generator');
    }
  }
  checkConstWrites(scopes, report);
  for (const { node, name } of capturedLoopVariables(scopes)) {
    report(
      node.start,
      'let in the head of a loop, used by a function',
      `all functions see the last value of ${name}`,
    );
  }
  return findings;
}

function checkTemplate(node: AnyNode, report: Report): void {
  if (node.type === 'TemplateLiteral' && node.expressions.length > 0) {
    report(node.start, 'template literal', 'its places are not filled, the text stays as it is written');
  }
}

function checkConstInLoop(node: AnyNode, ancestors: readonly AnyNode[], report: Report): void {
  if (node.type === 'VariableDeclaration' && node.kind === 'const' && insideLoopBody(node, ancestors)) {
    report(node.start, 'const in the body of a loop', 'it keeps the value of the first pass');
  }
}

/** Whether a node is repeated by a loop of its own function. */
export function insideLoopBody(node: AnyNode, ancestors: readonly AnyNode[]): boolean {
  let inner: AnyNode = node;
  for (let index = ancestors.length - 1; index >= 0; index--) {
    const outer = ancestors[index] as AnyNode;
    if (isFunction(outer)) {
      return false;
    }
    if (isLoop(outer) && 'body' in outer && outer.body === inner) {
      return true;
    }
    inner = outer;
  }
  return false;
}

function checkConstWrites(scopes: ScopeTable, report: Report): void {
  for (const { node, name, writes, variable } of scopes.references) {
    if (writes && variable?.kind === 'const') {
      report(node.start, 'assignment to a const', `${name} keeps its value, without an error`);
    }
  }
}

/** Uses, inside functions, of variables that `let` declares in the head of a loop around the function. */
export function capturedLoopVariables(scopes: ScopeTable): { node: AnyNode; name: string; loop: AnyNode }[] {
  return scopes.references.flatMap(({ node, name, variable, scope }) => {
    const loop = variable?.scope.node;
    const captured =
      variable?.kind === 'let' &&
      loop !== undefined &&
      isLoop(loop) &&
      crossesFunction(scope, variable.scope);
    return captured ? [{ node, name, loop }] : [];
  });
}

function crossesFunction(from: Scope, to: Scope): boolean {
  for (let scope: Scope | undefined = from; scope !== undefined && scope !== to; scope = scope.parent) {
    if (scope.isFunction) {
      return true;
    }
  }
  return false;
}

function checkDateText(node: AnyNode, report: Report): void {
  const isDate =
    (node.type === 'NewExpression' && node.callee.type === 'Identifier' && node.callee.name === 'Date') ||
    (node.type === 'CallExpression' && isMember(node.callee, 'Date', 'parse'));
  const [first] = isDate ? node.arguments : [];
  if (first?.type === 'Literal' && typeof first.value === 'string' && /[.,]\d{4,}/.test(first.value)) {
    report(first.start, 'time with more than three fraction digits', 'the date is invalid (NaN)');
  }
}

function isMember(node: AnyNode, object: string, property: string): boolean {
  return (
    node.type === 'MemberExpression' &&
    !node.computed &&
    node.object.type === 'Identifier' &&
    node.object.name === object &&
    node.property.type === 'Identifier' &&
    node.property.name === property
  );
}

function checkCall(node: AnyNode, report: Report): void {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression' || node.callee.computed) {
    return;
  }
  const { property } = node.callee;
  const name = property.type === 'Identifier' ? property.name : '';
  if (/^toLocale(Date|Time)?String$/.test(name)) {
    report(property.start, name, 'numbers are not grouped and arguments are ignored');
  }
  if (name === 'localeCompare' && node.arguments.length > 1) {
    report(property.start, name, 'arguments after the first are ignored');
  }
}
