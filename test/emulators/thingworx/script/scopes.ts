import type { AnyNode, Function as FunctionNode, Identifier, Node, Pattern, Program } from 'acorn';
import { childrenOf } from './walk.ts';

export type VariableKind = 'var' | 'let' | 'const' | 'function' | 'parameter' | 'class' | 'catch';

export interface Variable {
  name: string;
  kind: VariableKind;
  node: Node;
  scope: Scope;
}

export interface Scope {
  /** The node that opens the scope. */
  node: AnyNode;
  isFunction: boolean;
  parent: Scope | undefined;
  variables: Map<string, Variable>;
}

export interface Reference {
  name: string;
  node: Identifier;
  scope: Scope;
  writes: boolean;
  /** Undefined for a global. */
  variable: Variable | undefined;
}

export interface ScopeTable {
  scopes: Scope[];
  references: Reference[];
  /** Every declaration, also repeated ones. */
  declarations: Variable[];
}

/** Names of identifiers that a pattern binds. */
export function boundIdentifiers(pattern: Pattern): Identifier[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern];
    case 'ObjectPattern':
      return pattern.properties.flatMap((one) =>
        boundIdentifiers(one.type === 'RestElement' ? one.argument : (one.value as Pattern)),
      );
    case 'ArrayPattern':
      return pattern.elements.flatMap((one) => (one === null ? [] : boundIdentifiers(one)));
    case 'RestElement':
      return boundIdentifiers(pattern.argument);
    case 'AssignmentPattern':
      return boundIdentifiers(pattern.left);
    default:
      return [];
  }
}

const isFunctionNode = (node: AnyNode): node is FunctionNode & AnyNode =>
  node.type === 'FunctionDeclaration' ||
  node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression';

/** Resolves the names of a script: scopes, declarations and references. */
export function analyseScopes(program: Program): ScopeTable {
  const table: ScopeTable = { scopes: [], references: [], declarations: [] };
  const open = (node: AnyNode, parent: Scope | undefined, isFunction: boolean): Scope => {
    const scope: Scope = { node, isFunction, parent, variables: new Map() };
    table.scopes.push(scope);
    return scope;
  };
  const declare = (scope: Scope, id: Identifier, kind: VariableKind) => {
    let target = scope;
    if (kind === 'var') {
      while (!target.isFunction && target.parent !== undefined) {
        target = target.parent;
      }
    }
    const variable: Variable = { name: id.name, kind, node: id, scope: target };
    table.declarations.push(variable);
    if (!target.variables.has(id.name)) {
      target.variables.set(id.name, variable);
    }
  };

  const declareIn = (node: AnyNode, scope: Scope): void => {
    if (node.type === 'VariableDeclaration') {
      for (const { id } of node.declarations) {
        for (const identifier of boundIdentifiers(id)) {
          declare(
            scope,
            identifier,
            node.kind === 'var' || node.kind === 'let' || node.kind === 'const' ? node.kind : 'const',
          );
        }
      }
    } else if (
      (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') &&
      node.id !== null
    ) {
      declare(scope, node.id, node.type === 'ClassDeclaration' ? 'class' : 'function');
    }
  };

  const reference = (node: Identifier, scope: Scope, writes: boolean) => {
    table.references.push({ name: node.name, node, scope, writes, variable: undefined });
  };

  const writePattern = (pattern: AnyNode, scope: Scope): void => {
    if (pattern.type === 'Identifier') {
      reference(pattern, scope, true);
    } else if (pattern.type === 'MemberExpression') {
      visit(pattern, scope);
    } else if (pattern.type === 'AssignmentPattern') {
      writePattern(pattern.left, scope);
      visit(pattern.right, scope);
    } else if (pattern.type === 'Property') {
      if (pattern.computed) {
        visit(pattern.key, scope);
      }
      writePattern(pattern.value, scope);
    } else {
      for (const child of childrenOf(pattern)) {
        writePattern(child, scope);
      }
    }
  };

  /** Default values and computed keys inside a declared pattern. */
  const visitPatternParts = (pattern: AnyNode, scope: Scope): void => {
    if (pattern.type === 'AssignmentPattern') {
      visitPatternParts(pattern.left, scope);
      visit(pattern.right, scope);
    } else if (pattern.type === 'Property') {
      if (pattern.computed) {
        visit(pattern.key, scope);
      }
      visitPatternParts(pattern.value, scope);
    } else if (pattern.type !== 'Identifier') {
      for (const child of childrenOf(pattern)) {
        visitPatternParts(child, scope);
      }
    }
  };

  const visitFunction = (node: FunctionNode & AnyNode, outer: Scope): void => {
    const scope = open(node, outer, true);
    if (node.type === 'FunctionExpression' && node.id != null) {
      declare(scope, node.id, 'function');
    }
    for (const parameter of node.params) {
      for (const id of boundIdentifiers(parameter)) {
        declare(scope, id, 'parameter');
      }
      visitPatternParts(parameter, scope);
    }
    if (node.body.type === 'BlockStatement') {
      visitStatements(node.body.body, scope);
    } else {
      visit(node.body, scope);
    }
  };

  const visitStatements = (statements: AnyNode[], scope: Scope): void => {
    for (const statement of statements) {
      if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') {
        declareIn(statement, scope);
      }
    }
    for (const statement of statements) {
      visit(statement, scope);
    }
  };

  const visit = (node: AnyNode, scope: Scope): void => {
    if (isFunctionNode(node)) {
      visitFunction(node, scope);
      return;
    }
    switch (node.type) {
      case 'Identifier':
        reference(node, scope, false);
        return;
      case 'VariableDeclaration':
        declareIn(node, scope);
        for (const { id, init } of node.declarations) {
          visitPatternParts(id, scope);
          if (init != null) {
            visit(init, scope);
          }
        }
        return;
      case 'BlockStatement':
        visitStatements(node.body, open(node, scope, false));
        return;
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement': {
        const inner = open(node, scope, false);
        if (node.type !== 'ForStatement' && node.left.type !== 'VariableDeclaration') {
          writePattern(node.left, inner);
          visit(node.right, inner);
          visit(node.body, inner);
          return;
        }
        for (const child of childrenOf(node)) {
          visit(child, inner);
        }
        return;
      }
      case 'SwitchStatement': {
        visit(node.discriminant, scope);
        const inner = open(node, scope, false);
        for (const branch of node.cases) {
          if (branch.test != null) {
            visit(branch.test, inner);
          }
        }
        visitStatements(
          node.cases.flatMap((branch) => branch.consequent),
          inner,
        );
        return;
      }
      case 'CatchClause': {
        const inner = open(node, scope, false);
        if (node.param != null) {
          for (const id of boundIdentifiers(node.param)) {
            declare(inner, id, 'catch');
          }
        }
        visitStatements(node.body.body, inner);
        return;
      }
      case 'AssignmentExpression':
        writePattern(node.left, scope);
        visit(node.right, scope);
        return;
      case 'UpdateExpression':
        writePattern(node.argument, scope);
        return;
      case 'MemberExpression':
        visit(node.object, scope);
        if (node.computed) {
          visit(node.property, scope);
        }
        return;
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (node.computed) {
          visit(node.key, scope);
        }
        if (node.value != null) {
          visit(node.value, scope);
        }
        return;
      case 'LabeledStatement':
        visit(node.body, scope);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return;
      default:
        for (const child of childrenOf(node)) {
          visit(child, scope);
        }
    }
  };

  visitStatements(program.body, open(program, undefined, true));
  for (const one of table.references) {
    one.variable = resolve(one.name, one.scope);
  }
  return table;
}

function resolve(name: string, from: Scope): Variable | undefined {
  for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
    const variable = scope.variables.get(name);
    if (variable !== undefined) {
      return variable;
    }
  }
  return undefined;
}

/** Names that the top level of a script declares with let or class; const is a kind of var in Rhino. */
export function lexicalNames(table: ScopeTable): Set<string> {
  const top = table.scopes[0] as Scope;
  return new Set(
    [...top.variables.values()]
      .filter(({ kind }) => kind === 'let' || kind === 'class')
      .map(({ name }) => name),
  );
}

/** Names that a script assigns without declaring them anywhere. */
export function implicitGlobals(table: ScopeTable): Set<string> {
  return new Set(
    table.references
      .filter(({ writes, variable }) => writes && variable === undefined)
      .map(({ name }) => name),
  );
}
