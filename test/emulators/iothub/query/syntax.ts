/** The grammar of queries and conditions: text in, tree out. Throws ArgumentInvalid with the place of the mistake. */
import { functions } from './functions.ts';
import { syntaxError, type Token, tokenize } from './tokens.ts';

export type Path = (string | number)[];

export type BinaryOperator =
  | 'and'
  | 'or'
  | '='
  | '!='
  | '<'
  | '>'
  | '<='
  | '>='
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | 'in'
  | 'nin';

export type Expression =
  | { kind: 'constant'; value: unknown }
  | { kind: 'path'; path: Path }
  | { kind: 'array'; items: Expression[] }
  | { kind: 'not' | 'negative'; operand: Expression }
  | { kind: 'binary'; operator: BinaryOperator; left: Expression; right: Expression }
  | { kind: 'call'; name: string; parameters: Expression[] };

export type Aggregate = 'count' | 'avg' | 'sum' | 'min' | 'max';

export interface Projection {
  alias: string;
  path?: Path;
  aggregate?: Aggregate;
}

export type CollectionName = 'devices' | 'devices.modules' | 'devices.jobs';

export interface Query {
  /** Undefined for SELECT *. */
  projections?: Projection[];
  top?: number;
  from: CollectionName;
  where?: Expression;
  groupBy?: Path[];
}

/** Limit of the documentation. */
const maxLength = 8192;
/** Of brackets, NOT and minus signs; the service's limit is not known. */
const maxNesting = 200;
const aggregates = new Set<string>(['count', 'avg', 'sum', 'min', 'max']);
const keywords = new Set([
  'select',
  'from',
  'where',
  'group',
  'by',
  'and',
  'or',
  'not',
  'in',
  'nin',
  'as',
  'top',
]);
const comparisons = new Set(['=', '!=', '<>', '<', '>', '<=', '>=']);
const collections: readonly CollectionName[] = ['devices', 'devices.modules', 'devices.jobs'];

export function parseQuery(text: string): Query {
  return new Parser(text).query();
}

/** A condition alone, as in message routes. */
export function parseCondition(text: string): Expression {
  return new Parser(text).condition();
}

/**
 * The target of a job or a configuration: a condition on devices, or `FROM devices.modules WHERE …` for modules.
 * `*` targets all; an empty text targets none and gives undefined.
 */
export function parseTarget(text: string): { from: CollectionName; where?: Expression } | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (trimmed === '*') return { from: 'devices' };
  if (/^from\s/i.test(trimmed)) {
    const { from, where } = parseQuery(`SELECT * ${trimmed}`);
    return where === undefined ? { from } : { from, where };
  }
  return { from: 'devices', where: parseCondition(trimmed) };
}

class Parser {
  readonly #tokens: Token[];
  #position = 0;
  #from: CollectionName | undefined;
  #nesting = 0;

  constructor(text: string) {
    if (text.length > maxLength)
      throw syntaxError(`the query is longer than ${maxLength} characters`, maxLength);
    this.#tokens = tokenize(text);
  }

  query(): Query {
    this.#expectKeyword('select');
    const query: Query = { from: 'devices' };
    if (this.#keyword('top')) query.top = this.#wholeNumber();
    const projectionsAt = this.#position;
    this.#skipToFrom();
    this.#expectKeyword('from');
    query.from = this.#collection();
    this.#from = query.from;
    const afterFrom = this.#position;
    this.#position = projectionsAt;
    if (!this.#symbol('*')) query.projections = this.#projections();
    if (!this.#isKeyword('from')) throw this.#unexpected();
    this.#position = afterFrom;
    if (this.#keyword('where')) query.where = this.#or();
    if (this.#keyword('group')) {
      this.#expectKeyword('by');
      query.groupBy = [this.#path()];
      while (this.#symbol(',')) query.groupBy.push(this.#path());
    }
    this.#expectEnd();
    return query;
  }

  condition(): Expression {
    const expression = this.#or();
    this.#expectEnd();
    return expression;
  }

  #projections(): Projection[] {
    const projections: Projection[] = [];
    do {
      const token = this.#peek();
      const projection: Projection = { alias: '' };
      if (token.kind === 'name' && aggregates.has(token.text.toLowerCase()) && this.#peek(1).text === '(') {
        this.#position += 2;
        projection.aggregate = token.text.toLowerCase() as Aggregate;
        if (projection.aggregate !== 'count' || this.#peek().text !== ')') projection.path = this.#path();
        this.#expectSymbol(')');
        // What the hub calls an aggregate without an alias is not documented; this is its store's way.
        projection.alias = `$${projections.length + 1}`;
      } else {
        projection.path = this.#path();
        projection.alias = String(projection.path.at(-1));
      }
      if (this.#keyword('as')) projection.alias = this.#name();
      projections.push(projection);
    } while (this.#symbol(','));
    return projections;
  }

  #skipToFrom(): void {
    while (!this.#isKeyword('from') || this.#tokens[this.#position - 1]?.text === '.') {
      if (this.#peek().kind === 'end') throw this.#unexpected();
      this.#position += 1;
    }
  }

  #collection(): CollectionName {
    const token = this.#peek();
    let name = this.#name().toLowerCase();
    if (this.#symbol('.')) name += `.${this.#name().toLowerCase()}`;
    const collection = collections.find((known) => known === name);
    if (!collection) throw syntaxError(`there is no collection ${name}`, token.at);
    return collection;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#keyword('or')) left = { kind: 'binary', operator: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#keyword('and')) left = { kind: 'binary', operator: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (this.#keyword('not')) return { kind: 'not', operand: this.#nested(() => this.#not()) };
    return this.#comparison();
  }

  #comparison(): Expression {
    const left = this.#sum();
    const token = this.#peek();
    if (token.kind === 'symbol' && comparisons.has(token.text)) {
      this.#position += 1;
      const operator = (token.text === '<>' ? '!=' : token.text) as BinaryOperator;
      return { kind: 'binary', operator, left, right: this.#sum() };
    }
    for (const operator of ['in', 'nin'] as const) {
      if (!this.#keyword(operator)) continue;
      if (this.#peek().text !== '[') throw this.#unexpected();
      return { kind: 'binary', operator, left, right: this.#primary() };
    }
    return left;
  }

  #sum(): Expression {
    let left = this.#product();
    for (;;) {
      const operator = this.#peek().text;
      if (this.#peek().kind !== 'symbol' || (operator !== '+' && operator !== '-')) return left;
      this.#position += 1;
      left = { kind: 'binary', operator, left, right: this.#product() };
    }
  }

  #product(): Expression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#peek().text;
      if (this.#peek().kind !== 'symbol' || (operator !== '*' && operator !== '/' && operator !== '%'))
        return left;
      this.#position += 1;
      left = { kind: 'binary', operator, left, right: this.#unary() };
    }
  }

  #unary(): Expression {
    if (this.#symbol('-')) return { kind: 'negative', operand: this.#nested(() => this.#unary()) };
    return this.#primary();
  }

  #primary(): Expression {
    const token = this.#peek();
    if (token.kind === 'string' || token.kind === 'number') {
      this.#position += 1;
      return { kind: 'constant', value: token.value };
    }
    if (this.#symbol('(')) {
      const inner = this.#nested(() => this.#or());
      this.#expectSymbol(')');
      return inner;
    }
    if (this.#symbol('[')) return this.#nested(() => this.#array());
    if (token.kind !== 'name' || keywords.has(token.text.toLowerCase())) throw this.#unexpected();
    if (this.#peek(1).text === '(') return this.#nested(() => this.#call());
    switch (token.text.toLowerCase()) {
      case 'true':
      case 'false':
        this.#position += 1;
        return { kind: 'constant', value: token.text.toLowerCase() === 'true' };
      case 'null':
        this.#position += 1;
        return { kind: 'constant', value: null };
      case 'undefined':
        this.#position += 1;
        return { kind: 'constant', value: undefined };
      default:
        return { kind: 'path', path: this.#path() };
    }
  }

  #nested(parse: () => Expression): Expression {
    this.#nesting += 1;
    if (this.#nesting > maxNesting) throw syntaxError('it is nested too deeply', this.#peek().at);
    const expression = parse();
    this.#nesting -= 1;
    return expression;
  }

  #array(): Expression {
    const items: Expression[] = [];
    if (!this.#symbol(']')) {
      do items.push(this.#sum());
      while (this.#symbol(','));
      this.#expectSymbol(']');
    }
    return { kind: 'array', items };
  }

  #call(): Expression {
    const token = this.#peek();
    const name = token.text.toLowerCase().replaceAll('_', '');
    const known = functions.get(name);
    if (!known) throw syntaxError(`there is no function ${token.text}`, token.at);
    this.#position += 2;
    const parameters: Expression[] = [];
    if (!this.#symbol(')')) {
      do parameters.push(this.#or());
      while (this.#symbol(','));
      this.#expectSymbol(')');
    }
    if (parameters.length < known.minParameters || parameters.length > known.maxParameters) {
      throw syntaxError(`${token.text} does not take ${parameters.length} parameters`, token.at);
    }
    return { kind: 'call', name, parameters };
  }

  /** Names separated by dots, with [0] for array items. The name of the collection in front is dropped. */
  #path(): Path {
    const path: Path = [this.#name()];
    for (;;) {
      if (this.#symbol('.')) path.push(this.#name());
      else if (this.#peek().text === '[' && this.#peek(2).text === ']' && this.#peek(1).value !== undefined) {
        path.push(this.#peek(1).value as string | number);
        this.#position += 3;
      } else break;
    }
    const prefix = (this.#from ?? 'devices').split('.');
    const lower = path.map((part) => String(part).toLowerCase());
    if (path.length > prefix.length && prefix.every((part, index) => part === lower[index])) {
      return path.slice(prefix.length);
    }
    return path;
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#position + ahead, this.#tokens.length - 1)] as Token;
  }
  #isKeyword(word: string): boolean {
    return this.#peek().kind === 'name' && this.#peek().text.toLowerCase() === word;
  }
  #keyword(word: string): boolean {
    if (!this.#isKeyword(word)) return false;
    this.#position += 1;
    return true;
  }
  #symbol(text: string): boolean {
    if (this.#peek().kind !== 'symbol' || this.#peek().text !== text) return false;
    this.#position += 1;
    return true;
  }
  #name(): string {
    const token = this.#peek();
    if (token.kind !== 'name') throw this.#unexpected();
    this.#position += 1;
    return token.text;
  }
  #wholeNumber(): number {
    const token = this.#peek();
    if (!Number.isInteger(token.value) || Number(token.value) < 1) throw this.#unexpected();
    this.#position += 1;
    return Number(token.value);
  }
  #expectKeyword(word: string): void {
    if (!this.#keyword(word)) throw this.#unexpected(word.toUpperCase());
  }
  #expectSymbol(text: string): void {
    if (!this.#symbol(text)) throw this.#unexpected(`'${text}'`);
  }
  #expectEnd(): void {
    if (this.#peek().kind !== 'end') throw this.#unexpected();
  }
  #unexpected(wanted?: string) {
    const token = this.#peek();
    const found = token.kind === 'end' ? 'the end' : `'${token.text}'`;
    return syntaxError(wanted ? `${wanted} expected, found ${found}` : `unexpected ${found}`, token.at);
  }
}
