import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { type AnyNode, type ClassDeclaration, type MemberExpression, parse } from 'acorn';
import type { SourceFile } from '../architecture/imports.ts';

/** A piece of source that can be called or read by name: a function, a method, a constant. */
interface Unit {
  readonly file: string;
  /** The class whose method it is. */
  readonly owner: string | undefined;
  readonly node: AnyNode;
}

/** What the code that is reachable from one place can throw. */
interface Reached {
  /** The codes that are written where a ConnectorError is made, each with the files that do. */
  readonly codes: ReadonlyMap<string, readonly string[]>;
  /** The files whose code is reachable. */
  readonly files: ReadonlySet<string>;
}

/**
 * A call graph of the sidecar by names, which over-approximates: a call `twins.get()` reaches the method `get` of every class that
 * something named `twins` has as its type, and a method whose receiver is unknown reaches every method of that name unless JavaScript's own
 * objects have one too. What runs later (tasks, timers) belongs to the call that is in its source.
 */
export class CallGraph {
  readonly #units = new Map<string, Unit>();
  readonly #methods = new Map<string, string[]>();
  readonly #imports = new Map<string, Map<string, string>>();
  readonly #types = new Map<string, Set<string>>();
  readonly #classes = new Set<string>();
  readonly #aliases = new Map<string, string>();
  readonly #arrows = new Map<string, readonly string[]>();
  readonly #below = new Map<string, ReadonlySet<string>>();

  constructor(sources: readonly SourceFile[]) {
    // The pages of the console are no part of an operation.
    for (const { file, text } of sources) if (file.endsWith('.ts')) this.#readFile(file, text);
    for (const { text } of sources)
      for (const [, alias = '', type = ''] of text.matchAll(/type (\w+) = (?:Pick|Omit)<(\w+)/g))
        if (this.#classes.has(type)) this.#aliases.set(alias, type);
    for (const { text } of sources) this.#readTypes(text);
    for (const { file, imports } of sources) this.#arrows.set(file, imports);
  }

  /** The operation whose definition has the name; undefined when no source defines it in one object. */
  reachedBy(operation: string): Reached | undefined {
    for (const { file, node, owner } of this.#units.values()) {
      if (owner !== undefined || !file.startsWith('sidecar/operations/')) continue;
      const definition = find(node, (one) => isDefinition(one, operation));
      if (definition) return this.#follow({ file, owner: undefined, node: definition });
    }
    return undefined;
  }

  #readFile(file: string, text: string): void {
    const program = parse(stripTypeScriptTypes(text), { ecmaVersion: 'latest', sourceType: 'module' });
    const imports = new Map<string, string>();
    this.#imports.set(file, imports);
    for (const statement of program.body) {
      if (statement.type === 'ImportDeclaration') {
        const source = String(statement.source.value);
        if (!source.startsWith('.')) continue;
        const target = path.posix.join(path.posix.dirname(file), source);
        for (const one of statement.specifiers) {
          if (one.type !== 'ImportSpecifier' || one.imported.type !== 'Identifier') continue;
          imports.set(one.local.name, `${target}#${one.imported.name}`);
        }
        continue;
      }
      const declared =
        statement.type === 'ExportNamedDeclaration' && statement.declaration
          ? statement.declaration
          : statement;
      if (declared.type === 'FunctionDeclaration') this.#add(file, declared.id.name, declared);
      if (declared.type === 'ClassDeclaration') this.#readClass(file, declared as ClassDeclaration);
      if (declared.type !== 'VariableDeclaration') continue;
      for (const { id, init } of declared.declarations)
        if (id.type === 'Identifier' && init) this.#add(file, id.name, init);
    }
  }

  #readClass(file: string, declared: ClassDeclaration): void {
    const owner = declared.id.name;
    this.#classes.add(owner);
    this.#add(file, owner, { ...declared.body, body: declared.body.body.filter((one) => !isMethod(one)) });
    for (const member of declared.body.body) {
      if (!isMethod(member) || member.type !== 'MethodDefinition') continue;
      const { key } = member;
      if (key.type !== 'Identifier' && key.type !== 'PrivateIdentifier') continue;
      const name = key.type === 'PrivateIdentifier' ? `#${key.name}` : key.name;
      const id = `${file}#${owner}.${name}`;
      this.#units.set(id, { file, owner, node: member.value });
      this.#methods.set(name, [...(this.#methods.get(name) ?? []), id]);
    }
  }

  #add(file: string, name: string, node: AnyNode): void {
    this.#units.set(`${file}#${name}`, { file, owner: undefined, node });
  }

  /** Which classes a name has as its type anywhere: `twins: Twins`, `azure(): Promise<HubClients>`, `store = new Store(`. */
  #readTypes(text: string): void {
    const found = [
      ...text.matchAll(/(\w+)\??: (?:readonly )?(?:\(\) => )?(?:Promise<|Pick<|Required<)?(\w+)/g),
      ...text.matchAll(/(\w+)\([^()]*\): (?:Promise<)?(\w+)/g),
      ...text.matchAll(/(\w+) (?:\?\?)?= new (\w+)/g),
    ];
    for (const [, name = '', named = ''] of found) {
      const type = this.#aliases.get(named) ?? named;
      if (!this.#classes.has(type)) continue;
      this.#types.set(name, (this.#types.get(name) ?? new Set()).add(type));
    }
  }

  #follow(start: Unit): Reached {
    const codes = new Map<string, string[]>();
    const files = new Set<string>();
    const seen = new Set<Unit>([start]);
    for (const unit of seen) {
      files.add(unit.file);
      walk(unit.node, (node) => {
        for (const code of thrownBy(node)) codes.set(code, [...(codes.get(code) ?? []), unit.file]);
        for (const id of this.#referred(node, unit)) {
          const target = this.#units.get(id);
          if (target) seen.add(target);
        }
      });
    }
    return { codes, files };
  }

  /** A file and all that it imports, directly or not. */
  #filesBelow(file: string): ReadonlySet<string> {
    const known = this.#below.get(file);
    if (known) return known;
    const files = new Set([file]);
    for (const one of files) for (const next of this.#arrows.get(one) ?? []) files.add(next);
    this.#below.set(file, files);
    return files;
  }

  #referred(node: AnyNode, { file, owner }: Unit): readonly string[] {
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression')
      return this.#called(node.callee, file);
    if (node.type === 'Identifier')
      return [this.#imports.get(file)?.get(node.name) ?? `${file}#${node.name}`];
    if (node.type !== 'MemberExpression' || node.computed) return [];
    const { object, property } = node;
    if (property.type === 'PrivateIdentifier') return [`${file}#${owner}.#${property.name}`];
    if (property.type !== 'Identifier') return [];
    if (object.type === 'ThisExpression') return [`${file}#${owner}.${property.name}`];
    return [];
  }

  #called({ object, property }: MemberExpression, file: string): readonly string[] {
    if (property.type !== 'Identifier') return [];
    const below = this.#filesBelow(file);
    const candidates = (this.#methods.get(property.name) ?? []).filter((id) =>
      below.has(this.#units.get(id)?.file ?? ''),
    );
    const name = nameOf(object) ?? '';
    const types = object.type === 'NewExpression' ? new Set([name]) : this.#types.get(name);
    const typed = candidates.filter((id) => types?.has(this.#units.get(id)?.owner ?? ''));
    if (typed.length > 0) return typed;
    return BUILT_IN.has(property.name) ? [] : candidates;
  }
}

/** What JavaScript's own objects and the libraries in use call their methods. */
const BUILT_IN: ReadonlySet<string> = new Set([
  ...[Array, Map, Set, String, Promise, RegExp, AbortController, Response, Headers].flatMap(({ prototype }) =>
    Object.getOwnPropertyNames(prototype),
  ),
  ...Object.getOwnPropertyNames(Promise),
  ...Object.getOwnPropertyNames(Object),
  'abort',
  'close',
  'create',
  'destroy',
  'end',
  'error',
  'info',
  'debug',
  'warn',
  'list',
  'name',
  'next',
  'open',
  'read',
  'request',
  'run',
  'send',
  'start',
  'status',
  'stop',
  'update',
  'upload',
  'write',
]);

/** `twins` of `this.#work.twins`, `azure` of `(await hub.azure())`. */
function nameOf(node: AnyNode): string | undefined {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'AwaitExpression') return nameOf(node.argument);
  if (node.type === 'CallExpression') return nameOf(node.callee);
  if (node.type === 'NewExpression') return nameOf(node.callee);
  if (node.type === 'ChainExpression') return nameOf(node.expression);
  if (node.type !== 'MemberExpression') return undefined;
  const { property } = node;
  return property.type === 'Identifier' || property.type === 'PrivateIdentifier' ? property.name : undefined;
}

/** The codes of a `new ConnectorError(...)`: every literal that its first argument can be. */
function thrownBy(node: AnyNode): string[] {
  if (node.type !== 'NewExpression' || node.callee.type !== 'Identifier') return [];
  if (node.callee.name !== 'ConnectorError') return [];
  const codes: string[] = [];
  const [code] = node.arguments;
  if (code) walk(code, (one) => void (one.type === 'Literal' && codes.push(String(one.value))));
  return codes;
}

function isDefinition(node: AnyNode, name: string): boolean {
  if (node.type !== 'ObjectExpression') return false;
  const keys = new Map(
    node.properties.flatMap((one) =>
      one.type === 'Property' && one.key.type === 'Identifier' ? [[one.key.name, one.value] as const] : [],
    ),
  );
  const value = keys.get('name');
  if (!keys.has('path')) return false;
  if (value?.type !== 'TemplateLiteral') return value?.type === 'Literal' && value.value === name;
  const parts = value.quasis.map(({ value: { raw } }) => raw);
  return name.startsWith(parts[0] ?? '') && name.endsWith(parts.at(-1) ?? '');
}

function isMethod(member: AnyNode): boolean {
  return member.type === 'MethodDefinition' && member.kind !== 'constructor';
}

function find(node: AnyNode, test: (node: AnyNode) => boolean): AnyNode | undefined {
  let found: AnyNode | undefined;
  walk(node, (one) => {
    if (!found && test(one)) found = one;
  });
  return found;
}

/** Every node below one, itself included; neither keys of objects nor names of members. */
function walk(node: AnyNode, visit: (node: AnyNode) => void): void {
  visit(node);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'key' && (node.type === 'Property' || node.type === 'MethodDefinition')) continue;
    if (key === 'property' && node.type === 'MemberExpression' && !node.computed) continue;
    for (const one of Array.isArray(value) ? value : [value])
      if (typeof one === 'object' && one !== null && typeof one.type === 'string')
        walk(one as AnyNode, visit);
  }
}
