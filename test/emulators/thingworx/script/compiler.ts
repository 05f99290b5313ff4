import vm from 'node:vm';
import { parseScript } from './parse.ts';
import { scriptFilePrefix } from './realm.ts';
import { rewriteForRhino, valuesOf } from './rewrite.ts';
import { analyseScopes, implicitGlobals, lexicalNames } from './scopes.ts';
import { sharedResult } from './shared-results.ts';

export type CompiledScript = (variables: Record<string, unknown>) => unknown;

const limit = 2000;

/** What `for each` goes through: the values where `for ... in` gives the names. */
const valuesHelper = `var ${valuesOf}=function(from){var values=[];for(var name in from){values.push(from[name]);}return values;};`;

/** Turns the source of a service into a function of its variables; keeps what it has compiled. */
export class Compiler {
  private readonly context: vm.Context;
  private readonly compiled = new Map<string, CompiledScript>();

  constructor(context: vm.Context) {
    this.context = context;
  }

  /**
   * @param service name of the script in errors
   * @param names variables that the script sees
   * @throws SyntaxError if the source does not parse
   */
  compile(service: string, source: string, names: string[]): CompiledScript {
    const key = `${service}\n${names.join()}\n${source}`;
    let script = this.compiled.get(key);
    if (script === undefined) {
      script = this.build(service, source, names);
      if (this.compiled.size >= limit) {
        this.compiled.clear();
      }
      this.compiled.set(key, script);
    }
    return script;
  }

  private build(service: string, source: string, names: string[]): CompiledScript {
    const text = sharedResult(['script', source, names], () => functionText(source, names));
    const script = new vm.Script(text, { filename: scriptFilePrefix + service });
    return script.runInContext(this.context) as CompiledScript;
  }
}

/**
 * The script becomes the body of a function, so that `var result` and a parameter declared again keep their meaning:
 * variables are parameters of that function, except where the script declares the same name with let or const; those
 * stay one function further out. Names that are assigned without declaration are variables of the execution.
 */
function functionText(source: string, names: readonly string[]): string {
  // A return at the end is for the check at the import to judge.
  const parsed = parseScript(source, {
    ecmaVersion: 'latest',
    sourceType: 'script',
    allowReturnOutsideFunction: true,
  });
  const scopes = analyseScopes(parsed.program);
  const body = rewriteForRhino(parsed, scopes);
  const lexical = lexicalNames(scopes);
  const globals = implicitGlobals(scopes);
  const all = new Set(['result', ...names, ...globals]);
  const inner = [...all].filter((name) => !lexical.has(name));
  const outer = [...all].filter((name) => lexical.has(name));
  const pick = (list: string[]) => list.map((name) => `__variables[${JSON.stringify(name)}]`).join();
  const helper = parsed.each.size === 0 ? '' : valuesHelper;
  return (
    `(function(__variables){${helper}return (function(${outer.join()}){return (function(${inner.join()}){${body}\n;` +
    `return result;})(${pick(inner)});})(${pick(outer)});})`
  );
}
