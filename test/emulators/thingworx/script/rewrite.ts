import type { AnyNode, Program, VariableDeclaration } from 'acorn';
import { capturedLoopVariables, insideLoopBody } from './language-misreadings.ts';
import type { ParsedScript } from './parse.ts';
import { boundIdentifiers, type ScopeTable } from './scopes.ts';
import { isFunction, isLoop, walk } from './walk.ts';

interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * Changes a script so that V8 gives what Rhino 1.7.11 gives for the constructs that Rhino misreads: template literals are
 * plain text; const belongs to the function, keeps its first value and ignores assignments; let in the head of a loop is one
 * variable for all passes; `for each` takes values. Lines stay where they are. Not changed: a const pattern in a loop takes new values, a const
 * assigned by a pattern or as a loop variable changes.
 */
export function rewriteForRhino({ program, source, each }: ParsedScript, scopes: ScopeTable): string {
  const edits: Edit[] = [
    ...templateEdits(program, source),
    ...constEdits(program),
    ...constWriteEdits(program, source, scopes),
    ...eachEdits(program, source, each),
    ...loopEdits(program, scopes),
  ];
  return apply(source, edits);
}

function apply(source: string, edits: Edit[]): string {
  // Equal positions keep their order: what is inserted later stands further right.
  edits.sort((a, b) => a.start - b.start);
  let text = '';
  let position = 0;
  for (const { start, end, text: replacement } of edits) {
    if (start >= position) {
      text += source.slice(position, start) + replacement;
      position = end;
    }
  }
  return text + source.slice(position);
}

function templateEdits(program: Program, source: string): Edit[] {
  const edits: Edit[] = [];
  walk(program, (node) => {
    if (node.type === 'TemplateLiteral') {
      const raw = node.quasis.map((part, index) => {
        const next = node.expressions[index];
        const place = next === undefined ? '' : source.slice(part.end, node.quasis[index + 1]?.start);
        return (part.value.cooked ?? part.value.raw) + place;
      });
      edits.push({ start: node.start, end: node.end, text: JSON.stringify(raw.join('')) });
    }
  });
  return edits;
}

/** `const` becomes `var`; in a loop a flag of the function remembers that the first value is set. */
function constEdits(program: Program): Edit[] {
  const edits: Edit[] = [];
  let count = 0;
  walk(program, (node, ancestors) => {
    if (node.type !== 'VariableDeclaration' || node.kind !== 'const') {
      return;
    }
    edits.push({ start: node.start, end: node.start + 'const'.length, text: 'var' });
    if (!insideLoopBody(node, ancestors)) {
      return;
    }
    const body = functionBody(ancestors, program);
    for (const { id, init } of node.declarations) {
      if (id.type === 'Identifier' && init != null) {
        const [is, value] = [`__set${count}`, `__value${count++}`];
        edits.push({ start: body, end: body, text: `var ${is},${value};` });
        edits.push({ start: init.start, end: init.start, text: `(${value}=(` });
        edits.push({ start: init.end, end: init.end, text: `),${is}?${id.name}:(${is}=1,${value}))` });
      }
    }
  });
  return edits;
}

/** Where the statements of the innermost function begin. */
function functionBody(ancestors: readonly AnyNode[], program: Program): number {
  const inner = ancestors.findLast(isFunction);
  return inner !== undefined && 'body' in inner && !Array.isArray(inner.body) && inner.body != null
    ? inner.body.start + 1
    : program.start;
}

/** Assignments to a const give their value and leave the const alone. */
function constWriteEdits(program: Program, source: string, scopes: ScopeTable): Edit[] {
  const constants = new Set<AnyNode>(
    scopes.references
      .filter(({ writes, variable }) => writes && variable?.kind === 'const')
      .map(({ node }) => node),
  );
  const edits: Edit[] = [];
  walk(program, (node) => {
    if (node.type === 'AssignmentExpression' && constants.has(node.left)) {
      const name = source.slice(node.left.start, node.left.end);
      const operator = node.operator.slice(0, -1);
      edits.push({
        start: node.start,
        end: node.right.start,
        text: operator === '' ? '(' : `(${name}${operator}(`,
      });
      edits.push({ start: node.end, end: node.end, text: operator === '' ? ')' : '))' });
    } else if (node.type === 'UpdateExpression' && constants.has(node.argument)) {
      const name = source.slice(node.argument.start, node.argument.end);
      edits.push({
        start: node.start,
        end: node.end,
        text: node.prefix ? `(+${name}${node.operator[0]}1)` : `(+${name})`,
      });
    }
  });
  return edits;
}

/** Name of the function that gives the values of an object; the compiler defines it. */
export const valuesOf = '__values';

function eachEdits(program: Program, source: string, each: ReadonlySet<number>): Edit[] {
  const edits: Edit[] = [];
  walk(program, (node) => {
    if (node.type === 'ForInStatement' && each.has(node.start)) {
      const lines = source.slice(node.left.end, node.right.start).replace(/[^\n\r\u2028\u2029]+/g, '');
      edits.push({ start: node.left.end, end: node.right.start, text: ` of ${lines}${valuesOf}(` });
      edits.push({ start: node.right.end, end: node.right.end, text: ')' });
    }
  });
  return edits;
}

/** Takes a captured `let` out of the head of its loop. */
function loopEdits(program: Program, scopes: ScopeTable): Edit[] {
  const captured = new Set(capturedLoopVariables(scopes).map(({ loop }) => loop));
  const edits: Edit[] = [];
  walk(program, (node, ancestors) => {
    if (!isLoop(node) || !captured.has(node)) {
      return;
    }
    const head = node.type === 'ForStatement' ? node.init : 'left' in node ? node.left : undefined;
    if (head?.type !== 'VariableDeclaration') {
      return;
    }
    // A label must stay in front of its loop.
    let whole: AnyNode = node;
    for (let index = ancestors.length - 1; ancestors[index]?.type === 'LabeledStatement'; index--) {
      whole = ancestors[index] as AnyNode;
    }
    const names = head.declarations.flatMap(({ id }) => boundIdentifiers(id)).map(({ name }) => name);
    edits.push({ start: whole.start, end: whole.start, text: `{let ${names.join()};` });
    edits.push({ start: head.start, end: head.start + 'let'.length, text: '' });
    edits.push(...initialValues(head));
    edits.push({ start: whole.end, end: whole.end, text: '}' });
  });
  return edits;
}

/** Object patterns need parentheses, names without a value nothing to be assigned. */
function initialValues(head: VariableDeclaration): Edit[] {
  return head.declarations.flatMap(({ id, init, start, end }) => {
    if (id.type === 'ObjectPattern' && init != null) {
      return [
        { start, end: start, text: '(' },
        { start: end, end, text: ')' },
      ];
    }
    return [];
  });
}
