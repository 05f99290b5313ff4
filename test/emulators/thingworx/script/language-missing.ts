import type { AnyNode, Program } from 'acorn';
import type { RawFinding } from '../language.ts';
import { rhinoGlobals, rhinoPrototypes, rhinoStatics } from './rhino-api.ts';
import type { ScopeTable } from './scopes.ts';
import { walk } from './walk.ts';

type Report = (at: number, feature: string, message: string) => void;

/** Globals of browsers and of Node that scripts are tempted to use, beside the standard objects that Rhino lacks. */
const foreignGlobals = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'queueMicrotask',
  'structuredClone',
  'console',
  'fetch',
  'XMLHttpRequest',
  'window',
  'document',
  'self',
  'global',
  'process',
  'require',
  'module',
  'exports',
  'Buffer',
  'URL',
  'URLSearchParams',
  'TextEncoder',
  'TextDecoder',
  'btoa',
  'atob',
  'crypto',
  'performance',
  'Intl',
];

const missingGlobals: ReadonlySet<string> = new Set(
  [
    ...foreignGlobals,
    ...Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Z]|^globalThis$/.test(name)),
  ].filter((name) => !rhinoGlobals.includes(name)),
);

/** Names that only missing methods have: on any object, `.flat` means the array's. */
const missingMethods: ReadonlyMap<string, string> = new Map(
  (['Array', 'String', 'Map', 'Set', 'Number', 'Date'] as const).flatMap((type) => {
    const known = rhinoPrototypes[type] ?? [];
    const { prototype } = globalThis[type] as { prototype: object };
    return Object.getOwnPropertyNames(prototype)
      .filter(
        (name) =>
          !known.includes(name) && !Object.values(rhinoPrototypes).some((names) => names.includes(name)),
      )
      .map((name): [string, string] => [name, `${type}.prototype.${name}`]);
  }),
);

/** Everything that a script uses and Rhino 1.7.11 does not have, and changes of what the platform has locked. */
export function findMissing(program: Program, scopes: ScopeTable): RawFinding[] {
  const findings: RawFinding[] = [];
  const report: Report = (at, feature, message) => findings.push({ kind: 'missing', at, feature, message });
  const globalNodes = new Set<AnyNode>();
  for (const { name, node, variable } of scopes.references) {
    if (variable === undefined) {
      globalNodes.add(node);
      if (missingGlobals.has(name)) {
        report(node.start, name, `${name} is not defined`);
      }
    }
  }
  walk(program, (node, ancestors) => {
    if (node.type !== 'MemberExpression') {
      return;
    }
    const name = propertyName(node);
    if (name === undefined) {
      return;
    }
    const { object } = node;
    if (object.type === 'Identifier' && globalNodes.has(object) && Object.hasOwn(rhinoStatics, object.name)) {
      if (
        !rhinoStatics[object.name]?.includes(name) &&
        !['apply', 'call', 'bind', 'toString'].includes(name)
      ) {
        report(node.start, `${object.name}.${name}`, `${object.name}.${name} is undefined`);
      }
    } else if (missingMethods.has(name) && !isPlatformObject(object)) {
      report(node.start, missingMethods.get(name) as string, `.${name} is undefined`);
    }
    const target = ancestors.at(-1);
    if (target?.type === 'AssignmentExpression' && target.left === node && isPrototype(object, globalNodes)) {
      report(
        node.start,
        'addition to a built-in prototype',
        'the platform has locked the built-in prototypes',
      );
    }
  });
  return findings;
}

function propertyName(node: AnyNode & { type: 'MemberExpression' }): string | undefined {
  const { property } = node;
  if (!node.computed) {
    return property.type === 'Identifier' ? property.name : undefined;
  }
  return property.type === 'Literal' && typeof property.value === 'string' ? property.value : undefined;
}

/** `me` and members of the collections may have services of any name. */
function isPlatformObject(node: AnyNode): boolean {
  if (node.type === 'Identifier') {
    return node.name === 'me';
  }
  return (
    node.type === 'MemberExpression' &&
    node.object.type === 'Identifier' &&
    ['Things', 'ThingTemplates', 'Resources', 'Subsystems', 'Users', 'Groups'].includes(node.object.name)
  );
}

function isPrototype(node: AnyNode, globalNodes: ReadonlySet<AnyNode>): boolean {
  return (
    node.type === 'MemberExpression' &&
    !node.computed &&
    node.property.type === 'Identifier' &&
    node.property.name === 'prototype' &&
    node.object.type === 'Identifier' &&
    globalNodes.has(node.object) &&
    rhinoGlobals.includes(node.object.name)
  );
}
