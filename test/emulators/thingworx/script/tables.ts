import { baseTypeOf, type FieldDefinition, field, InfoTable, type InfoTableRow } from '../infotable.ts';
import { plainJson } from '../value-forms.ts';
import { type JsonValue, PlatformError } from '../values.ts';
import type { Bridge } from './bridge.ts';
import { RowViews } from './row-views.ts';
import { matches, sortRows } from './table-rows.ts';

const index = /^\d+$/;

/** An InfoTable as scripts see it: methods, `rows`, rows by index, and the fields of the first row by name. */
export class ScriptTable {
  readonly table: InfoTable;
  readonly proxy: object;
  private readonly bridge: Bridge;
  private readonly views: RowViews;
  private readonly rowsProxy: object;
  private readonly members: Record<string, unknown>;

  constructor(bridge: Bridge, table: InfoTable) {
    this.bridge = bridge;
    this.table = table;
    this.views = new RowViews(bridge, table, (other) => new ScriptTable(bridge, other).proxy);
    this.members = this.makeMembers();
    this.rowsProxy = this.makeRows();
    this.proxy = bridge.remember(
      new Proxy(bridge.object({}), {
        get: (target, key) => this.get(target, key),
        set: (_target, key, value) => this.setFirst(key, value),
        has: (_target, key) => this.hasMember(key),
        ownKeys: () => [],
      }),
      table,
    );
  }

  private get(target: object, key: string | symbol): unknown {
    if (typeof key === 'symbol') {
      return key === Symbol.iterator ? this.iterator() : Reflect.get(target, key);
    }
    switch (key) {
      case 'rows':
        return this.rowsProxy;
      case 'length':
        return this.table.rows.length;
      case 'dataShape':
        return this.dataShape();
      default:
    }
    if (Object.hasOwn(this.members, key)) {
      return this.members[key];
    }
    if (index.test(key)) {
      return this.views.at(Number(key));
    }
    if (this.table.fields.has(key)) {
      const first = this.table.rows[0];
      return first === undefined ? undefined : this.views.cell(first, key);
    }
    return Reflect.get(target, key);
  }

  private hasMember(key: string | symbol): boolean {
    return (
      typeof key === 'string' &&
      (['rows', 'length', 'dataShape'].includes(key) ||
        Object.hasOwn(this.members, key) ||
        this.table.fields.has(key) ||
        (index.test(key) && Number(key) < this.table.rows.length))
    );
  }

  /** `table.field = value` writes to the first row. */
  private setFirst(key: string | symbol, value: unknown): boolean {
    const first = this.table.rows[0];
    if (first !== undefined && typeof key === 'string' && this.table.fields.has(key)) {
      try {
        this.views.setCell(first, key, value);
      } catch (error) {
        throw this.bridge.toScriptError(error);
      }
    }
    return true;
  }

  /** Iterates over the rows as they are when it is asked for the next one. */
  private iterator(): () => Iterator<unknown> {
    const { views, table } = this;
    return function* () {
      for (let next = 0; next < table.rows.length; next++) {
        yield views.at(next);
      }
    };
  }

  /** Cells of an object that a script gives, for AddRow, Find, Filter and Delete. */
  private given(values: unknown): Record<string, unknown> {
    const plain = this.bridge.fromScript(values);
    if (plain instanceof InfoTable) {
      return { ...plain.rows[0] };
    }
    if (typeof plain !== 'object' || plain === null) {
      throw new PlatformError('Unable To Convert To Value Collection: a row must be an object');
    }
    return plain as Record<string, unknown>;
  }

  private makeRows(): object {
    const rows = this.table.rows;
    const methods = this.hostMethods({
      toArray: () => this.bridge.array(rows.map((row) => this.views.own(row))),
      getRow: (at) => this.views.at(Number(at)) ?? null,
      getLength: () => rows.length,
      getFirstRow: () => this.views.at(0) ?? null,
      getLastRow: () => this.views.at(rows.length - 1) ?? null,
    });
    return new Proxy(this.bridge.object({}), {
      get: (target, key) => {
        if (typeof key === 'symbol') {
          return key === Symbol.iterator ? this.iterator() : Reflect.get(target, key);
        }
        if (key === 'length') {
          return rows.length;
        }
        return Object.hasOwn(methods, key)
          ? methods[key]
          : index.test(key)
            ? this.views.at(Number(key))
            : Reflect.get(target, key);
      },
      has: (_target, key) => typeof key === 'string' && index.test(key) && Number(key) < rows.length,
      ownKeys: () => Array.from(rows.keys(), String),
      getOwnPropertyDescriptor: (_target, key) =>
        typeof key === 'string' && index.test(key) && Number(key) < rows.length
          ? { value: this.views.at(Number(key)), enumerable: true, configurable: true, writable: true }
          : undefined,
    });
  }

  private dataShape(): object {
    const fields = [...this.table.fields.values()];
    const asScript = (one: FieldDefinition) =>
      this.bridge.native(plainJson({ ...one, aspects: { ...one.aspects } }));
    const members = Object.fromEntries(fields.map((one) => [one.name, asScript(one)]));
    const methods = this.hostMethods({
      getFields: () => this.bridge.object(members),
      getFieldDefinition: (name) => members[String(name)] ?? null,
      hasField: (name) => this.table.fields.has(String(name)),
      hasPrimaryKey: () => fields.some((one) => String(one.aspects.isPrimaryKey) === 'true'),
      toJSON: () => this.bridge.native((this.table.toJSON() as { dataShape: JsonValue }).dataShape),
    });
    const shape = this.bridge.object({ fields: this.bridge.object(members) });
    for (const [name, value] of Object.entries(methods)) {
      Object.defineProperty(shape, name, { value, enumerable: false });
    }
    return shape;
  }

  private makeMembers(): Record<string, unknown> {
    const { table, bridge } = this;
    return this.hostMethods({
      AddRow: (values) => {
        table.addRow(this.given(values), { readPassword: bridge.readPassword });
      },
      AddField: (definition) => this.addField(definition),
      RemoveField: (name) => {
        table.removeField(String(name));
      },
      RemoveRow: (at) => {
        table.rows.splice(Number(at), 1);
      },
      RemoveAllRows: () => {
        table.rows.length = 0;
      },
      RowCount: () => table.rows.length,
      getRowCount: () => table.rows.length,
      getLength: () => table.rows.length,
      isEmpty: () => table.rows.length === 0,
      getFieldCount: () => table.fields.size,
      hasField: (name) => table.fields.has(String(name)),
      getField: (name) => {
        const found = table.fields.get(String(name));
        return found === undefined ? null : bridge.native(plainJson({ ...found }));
      },
      getRow: (at) => this.views.at(Number(at)) ?? null,
      getFirstRow: () => this.views.at(0) ?? null,
      getLastRow: () => this.views.at(table.rows.length - 1) ?? null,
      getDataShape: () => this.dataShape(),
      CopyValues: (at) => {
        const row = table.rows[Number(at)];
        return new ScriptTable(
          bridge,
          new InfoTable(table.fields.values(), row === undefined ? [] : [{ ...row }]),
        ).proxy;
      },
      Find: (values) => {
        const found = table.rows.find(matches(table, this.given(values)));
        return found === undefined ? null : this.views.of(found);
      },
      Filter: (values) => this.retain(matches(table, this.given(values))),
      Delete: (values) => {
        const matching = matches(table, this.given(values));
        const before = table.rows.length;
        this.retain((row) => !matching(row));
        return before - table.rows.length;
      },
      Sort: (order) => {
        const { name, ascending } = this.given(order);
        sortRows(table, String(name), ascending === undefined || ascending === null || ascending === true);
      },
      topN: (maxItems) => {
        table.rows.length = Math.min(table.rows.length, Math.max(0, Number(maxItems)));
      },
      topNToNewTable: (maxItems) => {
        const copy = table.clone();
        copy.rows.length = Math.min(copy.rows.length, Math.max(0, Number(maxItems)));
        return new ScriptTable(bridge, copy).proxy;
      },
      clone: () => new ScriptTable(bridge, table.clone()).proxy,
      ToJSON: () => bridge.native(table.toJSON()),
      toJSON: () => bridge.native(table.toJSON()),
      toString: () => JSON.stringify(table.toJSON()),
    });
  }

  private retain(keep: (row: InfoTableRow) => boolean): void {
    const kept = this.table.rows.filter(keep);
    this.table.rows.length = 0;
    for (const row of kept) {
      this.table.rows.push(row);
    }
  }

  private addField(definition: unknown): void {
    const given = this.given(definition);
    const name = String(given.name ?? '');
    this.table.addField(
      field(name, baseTypeOf(name, given.baseType), {
        description: typeof given.description === 'string' ? given.description : '',
        ordinal: typeof given.ordinal === 'number' ? given.ordinal : this.table.fields.size,
        aspects: { ...((given.aspects ?? {}) as FieldDefinition['aspects']) },
      }),
    );
  }

  private hostMethods(methods: Record<string, (...args: unknown[]) => unknown>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(methods).map(([name, run]) => [name, this.bridge.hostFunction(name, run)]),
    );
  }
}
