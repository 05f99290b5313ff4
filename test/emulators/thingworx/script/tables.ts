import { baseTypeOf, type FieldDefinition, field, InfoTable, type InfoTableRow } from '../infotable.ts';
import { plainJson, setOwn } from '../value-forms.ts';
import { type JsonValue, PlatformError, type PlatformValue } from '../values.ts';
import type { Bridge } from './bridge.ts';
import { matches, sortRows } from './table-rows.ts';

/** An InfoTable as scripts see it: methods, `rows`, rows by index, and the fields of the first row by name. */
export class ScriptTable {
  readonly table: InfoTable;
  readonly proxy: object;
  private readonly bridge: Bridge;
  private readonly views = new WeakMap<InfoTableRow, object>();
  private readonly rowsProxy: object;
  private readonly members: Record<string, unknown>;
  /** Prototype of row views, made anew when fields change. */
  private rowPrototype: object | undefined;
  private sharedView: { row: InfoTableRow; view: object } | undefined;
  private readonly rowOf = new WeakMap<object, { row: InfoTableRow }>();

  constructor(bridge: Bridge, table: InfoTable) {
    this.bridge = bridge;
    this.table = table;
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
    if (/^\d+$/.test(key)) {
      return this.row(Number(key));
    }
    if (this.table.fields.has(key)) {
      const first = this.table.rows[0];
      return first === undefined ? undefined : this.cell(first, key);
    }
    return Reflect.get(target, key);
  }

  private hasMember(key: string | symbol): boolean {
    return (
      typeof key === 'string' &&
      (['rows', 'length', 'dataShape'].includes(key) ||
        Object.hasOwn(this.members, key) ||
        this.table.fields.has(key) ||
        (/^\d+$/.test(key) && Number(key) < this.table.rows.length))
    );
  }

  /** `table.field = value` writes to the first row. */
  private setFirst(key: string | symbol, value: unknown): boolean {
    const first = this.table.rows[0];
    if (first !== undefined && typeof key === 'string' && this.table.fields.has(key)) {
      this.setCell(first, key, value);
    }
    return true;
  }

  /** Iterates over the rows as they are when it is asked for the next one. */
  private iterator(): () => Iterator<unknown> {
    const self = this;
    return function* () {
      for (let index = 0; index < self.table.rows.length; index++) {
        yield self.row(index);
      }
    };
  }

  private row(index: number): object | undefined {
    const row = this.table.rows[index];
    return row === undefined ? undefined : this.view(row);
  }

  private view(row: InfoTableRow): object {
    if (this.bridge.switches.rowViews === 'shared') {
      if (this.sharedView === undefined || this.rowPrototype === undefined) {
        this.sharedView = { row, view: this.makeView(row) };
      }
      this.sharedView.row = row;
      (this.rowOf.get(this.sharedView.view) as { row: InfoTableRow }).row = row;
      return this.sharedView.view;
    }
    let view = this.rowPrototype === undefined ? undefined : this.views.get(row);
    if (view === undefined) {
      view = this.makeView(row);
      this.views.set(row, view);
    }
    return view;
  }

  private makeView(row: InfoTableRow): object {
    this.rowPrototype ??= this.makeRowPrototype();
    const view = Object.create(this.rowPrototype) as object;
    const holder = { row };
    this.rowOf.set(view, holder);
    const bridge = this.bridge;
    // What AddRow or a VARIANT takes from a row: its cells.
    const original = {};
    for (const name of this.table.fields.keys()) {
      Object.defineProperty(original, name, {
        get: () => bridge.fromScript(this.cell(holder.row, name)) ?? null,
        enumerable: true,
      });
    }
    return bridge.remember(view, original);
  }

  private makeRowPrototype(): object {
    const prototype = this.bridge.object({});
    const rowOf = (view: object) => (this.rowOf.get(view) as { row: InfoTableRow }).row;
    const table = this;
    const define = (name: string, run: (row: InfoTableRow, ...args: unknown[]) => unknown) => {
      const host = this.bridge.hostFunction(name, run);
      const value = function (this: object, ...args: unknown[]) {
        return host(rowOf(this), ...args);
      };
      Object.defineProperty(prototype, name, { value, enumerable: false });
    };
    define('getValue', (row, name) => this.cell(row, String(name)));
    define('setValue', (row, name, value) => this.setCell(row, String(name), value));
    define('has', (row, name) => Object.hasOwn(row, String(name)));
    define('clone', (row) => new ScriptTable(this.bridge, this.single(row)).row(0));
    define('toInfoTable', (row) => new ScriptTable(this.bridge, this.single(row)).proxy);
    define('toJSON', (row) => this.bridge.native(this.table.rowToJSON(row)));
    define('toString', (row) => JSON.stringify(this.table.rowToJSON(row)));
    for (const name of this.table.fields.keys()) {
      const set = this.bridge.hostFunction(name, (row: InfoTableRow, value: unknown) =>
        table.setCell(row, name, value),
      );
      Object.defineProperty(prototype, name, {
        get(this: object) {
          return table.cell(rowOf(this), name);
        },
        set(this: object, value: unknown) {
          set(rowOf(this), value);
        },
        enumerable: true,
        configurable: true,
      });
    }
    return prototype;
  }

  private cell(row: InfoTableRow, name: string): unknown {
    return Object.hasOwn(row, name) ? this.bridge.toScript(row[name] ?? null) : undefined;
  }

  private setCell(row: InfoTableRow, name: string, value: unknown): void {
    const definition = this.table.fields.get(name);
    if (definition === undefined) {
      return;
    }
    const converted = this.bridge.toPlatform(value, definition.baseType);
    if (converted === null) {
      delete row[name];
    } else {
      setOwn<PlatformValue>(row, name, converted);
    }
  }

  private single(row: InfoTableRow): InfoTable {
    return new InfoTable(this.table.fields.values(), [{ ...row }]);
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

  private fieldsChanged(): void {
    this.rowPrototype = undefined;
    this.sharedView = undefined;
  }

  private makeRows(): object {
    const rows = this.table.rows;
    const methods = this.hostMethods({
      toArray: () => this.bridge.array(rows.map((row) => this.ownView(row))),
      getRow: (index) => this.row(Number(index)) ?? null,
      getLength: () => rows.length,
      getFirstRow: () => this.row(0) ?? null,
      getLastRow: () => this.row(rows.length - 1) ?? null,
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
          : /^\d+$/.test(key)
            ? this.row(Number(key))
            : Reflect.get(target, key);
      },
      has: (_target, key) => typeof key === 'string' && /^\d+$/.test(key) && Number(key) < rows.length,
      ownKeys: () => Array.from(rows.keys(), String),
      getOwnPropertyDescriptor: (_target, key) =>
        typeof key === 'string' && /^\d+$/.test(key) && Number(key) < rows.length
          ? { value: this.row(Number(key)), enumerable: true, configurable: true, writable: true }
          : undefined,
    });
  }

  /** A view that stays with its row even when views are shared. */
  private ownView(row: InfoTableRow): object {
    return this.bridge.switches.rowViews === 'shared' ? this.makeView(row) : this.view(row);
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
        table.addRow(this.given(values), { passwords: 'accept' });
      },
      AddField: (definition) => this.addField(definition),
      RemoveField: (name) => {
        table.removeField(String(name));
        this.fieldsChanged();
      },
      RemoveRow: (index) => {
        table.rows.splice(Number(index), 1);
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
      getRow: (index) => this.row(Number(index)) ?? null,
      getFirstRow: () => this.row(0) ?? null,
      getLastRow: () => this.row(table.rows.length - 1) ?? null,
      getDataShape: () => this.dataShape(),
      CopyValues: (index) => {
        const row = table.rows[Number(index)];
        return new ScriptTable(
          bridge,
          new InfoTable(table.fields.values(), row === undefined ? [] : [{ ...row }]),
        ).proxy;
      },
      Find: (values) => {
        const found = table.rows.find(matches(table, this.given(values)));
        return found === undefined ? null : this.view(found);
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
    this.fieldsChanged();
  }

  private hostMethods(methods: Record<string, (...args: unknown[]) => unknown>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(methods).map(([name, run]) => [name, this.bridge.hostFunction(name, run)]),
    );
  }
}
