import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type AnyNode, parse } from 'acorn';
import { ENTITIES } from '../../extension/entities/index.ts';
import { SCRIPT_ERRORS } from '../../extension/generate/script-errors.ts';
import { handWritten, handWrittenNames, script } from '../../extension/generate/scripts.ts';
import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import { builtScripts } from './fixture.ts';

/** What Rhino 1.7.11 does not have, or has with another meaning; a script that names it is wrong or misleading. */
const MISSING = new Set([
  'Promise',
  'Proxy',
  'Reflect',
  'globalThis',
  'BigInt',
  'setTimeout',
  'setInterval',
  'console',
  'require',
  'module',
  'process',
  'Map',
  'Set',
  'WeakMap',
  'Symbol',
  'Uint8Array',
]);
const MISSING_METHODS = new Set([
  'entries',
  'values',
  'fromEntries',
  'flat',
  'flatMap',
  'trimStart',
  'trimEnd',
  'replaceAll',
  'matchAll',
  'toLocaleString',
  'assign',
  'from',
  'of',
  'find',
  'findIndex',
  'includes',
  'fill',
  'startsWith',
  'endsWith',
  'padStart',
  'repeat',
  'isInteger',
]);
/** The globals of the platform. */
const PLATFORM = new Set([
  'me',
  'ThingTemplates',
  'DataShapes',
  'Things',
  'ThingShapes',
  'Resources',
  'Groups',
  'ApplicationKeys',
  'logger',
  'eventData',
  'base64EncodeBytes',
  'pause',
  'base64DecodeBytes',
  'generateGUID',
]);
const STANDARD = new Set([
  'undefined',
  'JSON',
  'Object',
  'Array',
  'String',
  'Number',
  'Math',
  'Date',
  'Error',
  'RegExp',
  'isFinite',
  'Boolean',
  'encodeURIComponent',
]);
/** Parameters of services are bare variables of their scripts. By `Entity.Service`. */
const PARAMETERS = new Map(
  ENTITIES.flatMap((entity) =>
    'services' in entity
      ? entity.services.map((service): [string, Set<string>] => [
          `${entity.name}.${service.name}`,
          new Set(service.parameters.map((parameter) => parameter.name)),
        ])
      : [],
  ),
);

function walk(
  node: AnyNode,
  visit: (node: AnyNode, parent: AnyNode | undefined) => void,
  parent?: AnyNode,
): void {
  visit(node, parent);
  for (const value of Object.values(node) as unknown[]) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof (child as AnyNode).type === 'string') walk(child as AnyNode, visit, node);
    }
  }
}

function declaredNames(program: AnyNode): Set<string> {
  const names = new Set<string>();
  walk(program, (node) => {
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier') names.add(node.id.name);
    if (node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression') {
      if (node.id) names.add(node.id.name);
      for (const parameter of node.params) if (parameter.type === 'Identifier') names.add(parameter.name);
    }
    if (node.type === 'CatchClause' && node.param?.type === 'Identifier') names.add(node.param.name);
  });
  return names;
}

for (const { place, code } of builtScripts()) {
  describe(`script of ${place}`, () => {
    const program = parse(code, { ecmaVersion: 5 });

    test('is not empty', () => assert.ok(program.body.length > 0));

    test('names nothing that the engine lacks', () => {
      walk(program, (node) => {
        if (node.type === 'Identifier') assert.ok(!MISSING.has(node.name), node.name);
        if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return;
        const { property } = node.callee;
        if (property.type === 'Identifier' && !node.callee.computed)
          assert.ok(!MISSING_METHODS.has(property.name), property.name);
      });
    });

    test('uses only what it declares and what the platform gives', () => {
      const declared = declaredNames(program);
      walk(program, (node, parent) => {
        if (node.type !== 'Identifier') return;
        if (parent?.type === 'MemberExpression' && parent.property === node && !parent.computed) return;
        if (parent?.type === 'Property' && parent.key === node && !parent.computed) return;
        const parameters = PARAMETERS.get(place) ?? new Set<string>();
        const known = [declared, PLATFORM, STANDARD, parameters].some((names) => names.has(node.name));
        assert.ok(known, `${node.name} is not declared`);
      });
    });

    test('changes no prototype, which the platform has locked, and evaluates no text', () => {
      assert.doesNotMatch(code, /\.prototype\b|\beval\b|\bnew Function\b/);
    });

    test('calls platform services with one object or nothing', () => {
      walk(program, (node) => {
        if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return;
        const { object, property } = node.callee;
        const onPlatform =
          object.type === 'Identifier' && ['me', 'thing', 'caller', 'loader', 'table'].includes(object.name);
        if (!onPlatform || property.type !== 'Identifier' || !/^[A-Z]/.test(property.name)) return;
        assert.ok(node.arguments.length <= 1, property.name);
        const [argument] = node.arguments;
        if (argument?.type === 'ObjectExpression')
          assert.ok(argument.properties.length > 0, `${property.name}({})`);
      });
    });

    test('throws only errors with a code that is documented', () => {
      const codes = new Set([...Object.keys(ERRORS), ...Object.keys(SCRIPT_ERRORS)]);
      for (const [, thrown] of code.matchAll(/new Error\(\s*"([A-Z_]+): /g))
        assert.ok(codes.has(String(thrown)), thrown);
      for (const [text] of code.matchAll(/new Error\(\s*"(?![A-Z_]+: )[^"]*"/g))
        assert.fail(`${text} has no code`);
    });
  });
}

describe('scripts', () => {
  test('recognise every code in the text of an error that came through other services', () => {
    const helpers = script('errorText; errorCode;');
    const { errorText, errorCode } = new Function(
      `${helpers}; return { errorText: errorText, errorCode: errorCode };`,
    )() as {
      errorText(thrown: unknown): string;
      errorCode(text: string): string;
    };
    for (const code of [...Object.keys(ERRORS), ...Object.keys(SCRIPT_ERRORS)]) {
      const wrapped = `JavaException: com.thingworx.common.Error: Unable to Invoke Service CallSidecar on T : ${code}: what is wrong: {}`;
      assert.equal(errorText(new Error(wrapped)), `${code}: what is wrong: {}`);
      assert.equal(errorCode(errorText(wrapped)), code);
    }
    assert.equal(errorText(new Error('java.net.HTTP: nothing')), 'java.net.HTTP: nothing');
    assert.equal(errorText('text'), 'text');
    assert.equal(errorCode('text'), '');
  });

  test('carry only the shared functions that they use, each once', () => {
    assert.equal(script('var result = 1;'), 'var result = 1;');
    const text = script('unboxed(x);');
    assert.equal(text.match(/function plain\(/g)?.length, 1);
    assert.doesNotMatch(text, /function isSet\(/);
    assert.match(script('x;', { NAMES: ['a'] }), /^var NAMES = \["a"\];/);
  });

  test('written by hand are all used', () => {
    const places = new Set(builtScripts().map(({ place }) => place.split('.').at(-1)));
    for (const name of handWrittenNames()) {
      assert.ok(places.has(name), `${name}.js belongs to no service`);
      assert.ok(handWritten(name).length > 0);
    }
  });

  test('never put a secret together with text', () => {
    const folder = join(import.meta.dirname, '..', '..', 'extension', 'scripts');
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
      const code = readFileSync(join(folder, file), 'utf8');
      assert.doesNotMatch(code, /String\(me\.sidecarToken|me\.sidecarToken \+|\+ me\.sidecarToken/, file);
    }
  });
});
