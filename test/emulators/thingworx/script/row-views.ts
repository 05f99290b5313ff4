import { InfoTable, type InfoTableRow } from '../infotable.ts';
import { setOwn } from '../value-forms.ts';
import type { PlatformValue } from '../values.ts';
import type { Bridge } from './bridge.ts';

/** Rows of one table as scripts see them: live views whose members are the cells. */
export class RowViews {
  private readonly bridge: Bridge;
  private readonly table: InfoTable;
  private readonly views = new WeakMap<InfoTableRow, object>();
  /** The row that each view shows, by the target of its proxy. */
  private readonly shown = new WeakMap<object, { row: InfoTableRow }>();
  private readonly methods: object;
  private readonly handler: ProxyHandler<object>;
  private moving: { row: InfoTableRow; view: object } | undefined;

  /** @param wrap makes a script's table of a platform's table */
  constructor(bridge: Bridge, table: InfoTable, wrap: (table: InfoTable) => object) {
    this.bridge = bridge;
    this.table = table;
    this.methods = this.makeMethods(wrap);
    this.handler = this.makeHandler();
  }

  /** View by index; with the switch `rowViews` at `shared` the one view, moved to that row. */
  at(index: number): object | undefined {
    const row = this.table.rows[index];
    return row === undefined ? undefined : this.of(row);
  }

  of(row: InfoTableRow): object {
    if (this.bridge.switches.rowViews === 'perRow') {
      return this.own(row);
    }
    if (this.moving === undefined) {
      const holder = { row };
      this.moving = Object.assign(holder, { view: this.make(holder) });
    }
    this.moving.row = row;
    return this.moving.view;
  }

  /** A view that stays with its row. */
  own(row: InfoTableRow): object {
    let view = this.views.get(row);
    if (view === undefined) {
      view = this.make({ row });
      this.views.set(row, view);
    }
    return view;
  }

  /** A cell as the script sees it. */
  cell(row: InfoTableRow, name: string): unknown {
    return Object.hasOwn(row, name) ? this.bridge.toScript(row[name] ?? null) : undefined;
  }

  setCell(row: InfoTableRow, name: string, value: unknown): void {
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

  private make(holder: { row: InfoTableRow }): object {
    const target = Object.create(this.methods) as object;
    this.shown.set(target, holder);
    const view = new Proxy(target, this.handler);
    return this.bridge.remember(view, new RowCells(() => holder.row));
  }

  private rowOf(target: object): InfoTableRow {
    return (this.shown.get(target) as { row: InfoTableRow }).row;
  }

  private makeHandler(): ProxyHandler<object> {
    const { fields } = this.table;
    const isField = (key: string | symbol): key is string => typeof key === 'string' && fields.has(key);
    return {
      get: (target, key) => {
        if (isField(key)) {
          return this.cell(this.rowOf(target), key);
        }
        const method: unknown = Reflect.get(target, key);
        return typeof method === 'function'
          ? (...args: unknown[]) => method(this.rowOf(target), ...args)
          : method;
      },
      set: (target, key, value) => {
        if (!isField(key)) {
          return Reflect.set(target, key, value);
        }
        try {
          this.setCell(this.rowOf(target), key, value);
        } catch (error) {
          throw this.bridge.toScriptError(error);
        }
        return true;
      },
      has: (target, key) => isField(key) || Reflect.has(target, key),
      ownKeys: () => [...fields.keys()],
      getOwnPropertyDescriptor: (target, key) =>
        isField(key)
          ? {
              value: this.cell(this.rowOf(target), key),
              enumerable: true,
              configurable: true,
              writable: true,
            }
          : undefined,
    };
  }

  /** Methods of rows; each gets its row as first argument. */
  private makeMethods(wrap: (table: InfoTable) => object): object {
    const { bridge, table } = this;
    const single = (row: InfoTableRow) => new InfoTable(table.fields.values(), [{ ...row }]);
    const methods = bridge.object({});
    const define = (name: string, run: (row: InfoTableRow, ...args: unknown[]) => unknown) => {
      Object.defineProperty(methods, name, { value: bridge.hostFunction(name, run), enumerable: false });
    };
    define('getValue', (row, name) => this.cell(row, String(name)));
    define('setValue', (row, name, value) => this.setCell(row, String(name), value));
    define('has', (row, name) => Object.hasOwn(row, String(name)));
    define('clone', (row) => new RowViews(bridge, single(row), wrap).at(0));
    define('toInfoTable', (row) => wrap(single(row)));
    define('toJSON', (row) => bridge.native(table.rowToJSON(row)));
    define('toString', (row) => JSON.stringify(table.rowToJSON(row)));
    return methods;
  }
}

/** What a view stands for when it is given to the platform: the cells of its row at that moment. */
export class RowCells {
  private readonly row: () => InfoTableRow;

  constructor(row: () => InfoTableRow) {
    this.row = row;
  }

  read(): InfoTableRow {
    return this.row();
  }
}
