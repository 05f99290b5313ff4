import type { AnyNode, Comment, Program } from 'acorn';
import type { RawFinding } from '../language.ts';
import { findRedeclarations } from './redeclarations.ts';
import type { Scope, ScopeTable } from './scopes.ts';
import { walk } from './walk.ts';

type Report = (at: number, feature: string, message: string) => void;

/** The feature that a finding for a `return` outside a function has. */
export const topLevelReturn = 'return outside a function';

/** Everything in a script that Rhino 1.7.11 does not compile, with the messages that it was measured to give. */
export function findRejections(
  program: Program,
  source: string,
  comments: readonly Comment[],
  scopes: ScopeTable,
): RawFinding[] {
  const findings: RawFinding[] = [];
  const report: Report = (at, feature, message) => findings.push({ kind: 'rejected', at, feature, message });
  const strict = program.body.some(
    (one) => one.type === 'ExpressionStatement' && one.directive === 'use strict',
  );
  walk(program, (node, ancestors) => {
    checkFunction(node, source, comments, report);
    checkPattern(node, ancestors, report);
    checkExpression(node, ancestors.at(-1), report);
    checkStatement(node, ancestors, report);
    checkLiteral(node, source, report);
    if (strict && node.type === 'ObjectExpression') {
      checkDuplicateKeys(node, report);
    }
  });
  checkNames(scopes, report);
  for (const { name, previous, at } of findRedeclarations(program)) {
    report(at, 'name declared twice in a function', `TypeError: redeclaration of ${previous} ${name}.`);
  }
  return findings;
}

/** Names that are reserved words in Rhino and not in sloppy standard JavaScript. */
function checkNames(scopes: ScopeTable, report: Report): void {
  for (const { name, node } of scopes.declarations) {
    if (name === 'await' || name === 'let' || name === 'yield') {
      report(node.start, `the name ${name}`, 'missing variable name');
    }
  }
  for (const { name, node, scope, variable } of scopes.references) {
    if (variable === undefined && (name === 'await' || name === 'let')) {
      report(
        node.start,
        `the name ${name}`,
        name === 'let' ? 'missing ( after let' : 'missing variable name',
      );
    } else if (variable === undefined && name === 'yield' && !insideFunction(scope)) {
      report(node.start, 'the name yield', 'yield must be in a function.');
    }
  }
}

function insideFunction(from: Scope): boolean {
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
    if (scope.isFunction) {
      return scope.parent !== undefined;
    }
  }
  return false;
}

function checkFunction(node: AnyNode, source: string, comments: readonly Comment[], report: Report): void {
  if (
    node.type !== 'FunctionDeclaration' &&
    node.type !== 'FunctionExpression' &&
    node.type !== 'ArrowFunctionExpression'
  ) {
    return;
  }
  if (node.async) {
    report(node.start, 'async function', 'missing ; before statement');
  }
  if (node.generator) {
    report(node.start, 'generator function', 'missing ( before function parameters.');
  }
  const last = node.params.at(-1);
  if (last !== undefined) {
    let rest = source.slice(last.end, node.body.start);
    for (const { start, end } of comments) {
      if (start >= last.end && end <= node.body.start) {
        rest = rest.replace(source.slice(start, end), '');
      }
    }
    if (/^\s*,/.test(rest)) {
      const arrow = node.type === 'ArrowFunctionExpression';
      report(last.end, 'comma after the last parameter', arrow ? 'syntax error' : 'missing formal parameter');
    }
  }
}

function checkPattern(node: AnyNode, ancestors: readonly AnyNode[], report: Report): void {
  const parent = ancestors.at(-1);
  switch (node.type) {
    case 'AssignmentPattern':
      if (parent !== undefined && 'params' in parent) {
        report(node.start, 'default value of a parameter', 'missing ) after formal parameters');
      } else {
        const message = 'Default values in destructuring declarations are not supported';
        report(node.start, 'default value in destructuring', message);
      }
      return;
    case 'RestElement':
      if (parent !== undefined && 'params' in parent) {
        report(node.start, 'rest parameter', 'missing formal parameter');
      } else {
        report(node.start, 'rest in destructuring', 'syntax error');
      }
      return;
    case 'ObjectPattern':
      // Where the parser must first read an object literal, `{a}` is one that it does not know.
      if (node.properties.some((one) => one.type === 'Property' && one.shorthand) && !isDeclared(ancestors)) {
        report(
          node.start,
          'shorthand in a destructuring assignment',
          'SyntaxError: invalid object initializer',
        );
      }
      return;
    case 'CatchClause':
      if (node.param == null) {
        report(node.start, 'catch without binding', 'missing ( before catch-block condition');
      } else if (node.param.type !== 'Identifier') {
        report(node.param.start, 'destructuring in catch', 'invalid catch block condition');
      }
      return;
    default:
  }
}

/** Whether a pattern belongs to var, let or const or to the parameters of an ordinary function. */
function isDeclared(ancestors: readonly AnyNode[]): boolean {
  for (let index = ancestors.length - 1; index >= 0; index--) {
    const { type } = ancestors[index] as AnyNode;
    if (type === 'VariableDeclarator' || type === 'FunctionDeclaration' || type === 'FunctionExpression') {
      return true;
    }
    if (
      type !== 'ObjectPattern' &&
      type !== 'ArrayPattern' &&
      type !== 'Property' &&
      type !== 'AssignmentPattern'
    ) {
      return false;
    }
  }
  return false;
}

function checkExpression(node: AnyNode, parent: AnyNode | undefined, report: Report): void {
  switch (node.type) {
    case 'SpreadElement':
      report(node.start, 'spread', 'syntax error');
      return;
    case 'Property':
      if (node.computed) {
        report(node.start, 'computed property name', 'invalid property id');
      } else if (node.shorthand && parent?.type === 'ObjectExpression') {
        report(node.start, 'shorthand property', 'SyntaxError: invalid object initializer');
      } else if (
        node.method &&
        node.value.type === 'FunctionExpression' &&
        (node.value.async || node.value.generator)
      ) {
        report(node.start, 'async or generator method', 'invalid property id');
      }
      return;
    case 'ChainExpression':
      report(node.start, 'optional chaining', 'syntax error');
      return;
    case 'LogicalExpression':
      if (node.operator === '??') {
        report(node.start, 'nullish coalescing', 'syntax error');
      }
      return;
    case 'BinaryExpression':
      if (node.operator === '**') {
        report(node.start, 'exponent operator', 'syntax error');
      } else if (node.left.type === 'PrivateIdentifier') {
        report(node.start, 'private name', 'illegal character: #');
      }
      return;
    case 'AssignmentExpression':
      if (['**=', '&&=', '||=', '??='].includes(node.operator)) {
        report(node.start, `assignment operator ${node.operator}`, 'syntax error');
      }
      return;
    case 'TaggedTemplateExpression':
      report(node.start, 'tagged template', 'missing ; before statement');
      return;
    case 'ImportExpression':
      report(node.start, 'import', 'identifier is a reserved word: import');
      return;
    case 'MetaProperty':
      report(node.start, 'new.target', 'syntax error');
      return;
    case 'Super':
      report(node.start, 'super', 'identifier is a reserved word: super');
      return;
    case 'AwaitExpression':
      report(node.start, 'await', 'identifier is a reserved word: await');
      return;
    case 'ClassDeclaration':
    case 'ClassExpression':
      report(node.start, 'class', 'identifier is a reserved word: class');
      return;
    default:
  }
}

function checkStatement(node: AnyNode, ancestors: readonly AnyNode[], report: Report): void {
  switch (node.type) {
    case 'ReturnStatement':
      if (!ancestors.some((one) => 'params' in one)) {
        report(node.start, topLevelReturn, 'invalid return');
      }
      return;
    case 'ForOfStatement':
      if (node.await) {
        report(node.start, 'for await', 'missing ( after for');
      }
      break;
    default:
  }
  const head =
    node.type === 'ForStatement'
      ? node.init
      : node.type === 'ForInStatement' || node.type === 'ForOfStatement'
        ? node.left
        : undefined;
  if (head?.type === 'VariableDeclaration' && head.kind === 'const') {
    report(head.start, 'const in the head of a loop', 'syntax error');
  }
}

function checkLiteral(node: AnyNode, source: string, report: Report): void {
  if (node.type === 'TemplateLiteral') {
    const text = source.slice(node.start, node.end);
    if (/[\n\r\u2028\u2029]/.test(text)) {
      report(node.start, 'template literal over several lines', 'unterminated string literal');
    } else if (/`/.test(text.slice(1, -1).replace(/\\./g, ''))) {
      report(node.start, 'template literal inside a template literal', 'missing ; before statement');
    }
    return;
  }
  if (node.type !== 'Literal') {
    return;
  }
  if (node.regex != null) {
    const { pattern, flags } = node.regex;
    if (/[^gim]/.test(flags)) {
      report(node.start, `regular expression flag in /${flags}`, 'invalid flag after regular expression');
    }
    if (/\(\?<[=!]/.test(withoutClasses(pattern))) {
      report(node.start, 'lookbehind in a regular expression', 'SyntaxError: Invalid quantifier ?');
    } else if (/\(\?<[^=!]/.test(withoutClasses(pattern))) {
      report(node.start, 'named group in a regular expression', 'SyntaxError: Invalid quantifier ?');
    }
  } else if (node.bigint != null) {
    report(node.start, 'BigInt literal', 'missing ; before statement');
  } else if (typeof node.value === 'number' && node.raw?.includes('_')) {
    report(node.start, 'numeric separator', 'missing ; before statement');
  }
}

function withoutClasses(pattern: string): string {
  return pattern.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '');
}

function checkDuplicateKeys(node: AnyNode & { type: 'ObjectExpression' }, report: Report): void {
  const seen = new Set<string>();
  for (const property of node.properties) {
    if (property.type !== 'Property' || property.computed || property.kind !== 'init') {
      continue;
    }
    const { key } = property;
    const name = key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : '';
    if (seen.has(name)) {
      const message = `Property "${name}" already defined in this object literal.`;
      report(property.start, 'repeated property in strict mode', message);
    }
    seen.add(name);
  }
}
