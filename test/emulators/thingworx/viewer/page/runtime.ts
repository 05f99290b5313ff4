import { wrongReferences } from '../../mashup-references.ts';
import { createFunction } from './functions.ts';
import type { Rest, Table } from './rest.ts';
import { createWidget } from './widgets.ts';

export interface Node {
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly Widgets: readonly Node[];
}

interface Binding {
  readonly Id: string;
  readonly SourceArea: string;
  readonly SourceSection: string;
  readonly SourceId: string;
  readonly SourceDetails?: string;
  readonly TargetArea: string;
  readonly TargetSection: string;
  readonly TargetId: string;
  readonly PropertyMaps: readonly { readonly SourceProperty: string; readonly TargetProperty: string }[];
}

interface Event {
  readonly EventTriggerArea: string;
  readonly EventTriggerSection: string;
  readonly EventTriggerId: string;
  readonly EventTriggerEvent: string;
  readonly EventHandlerArea: string;
  readonly EventHandlerId: string;
  readonly EventHandlerService: string;
}

interface Source {
  readonly EntityName: string;
  readonly EntityType: string;
  readonly Services: readonly {
    readonly Name: string;
    readonly Target: string;
    readonly Parameters: Readonly<Record<string, unknown>>;
  }[];
}

interface Content {
  readonly UI: Node;
  readonly Data: Readonly<Record<string, Source>>;
  readonly DataBindings: readonly Binding[];
  readonly Events: readonly Event[];
}

/** A widget or function while the mashup runs. */
export interface Part {
  readonly element?: HTMLElement;
  get(property: string): unknown;
  set(property: string, value: unknown): void;
  call(service: string): void;
  stop?(): void;
}

/** What a widget or function may ask of the mashup. */
export interface Host {
  /** The value of a property has changed. */
  changed(id: string, property: string, value: unknown): void;
  fire(id: string, event: string): void;
  /** Rows have been selected in a grid; `notify` is false when the same rows came anew. */
  select(id: string, rows: readonly Readonly<Record<string, unknown>>[], notify: boolean): void;
  child(node: Node): HTMLElement | undefined;
  navigate(mashup: string, parameters: Readonly<Record<string, unknown>>): void;
  notice(text: string, kind: 'info' | 'warning' | 'error'): void;
}

interface Call {
  readonly source: Source;
  readonly target: string;
  readonly constants: Readonly<Record<string, unknown>>;
  result: Table | undefined;
  selected: readonly Readonly<Record<string, unknown>>[];
  /** The number of the last invocation: the answer of an earlier one is not shown any more. */
  last: number;
}

export interface RuntimeOptions {
  readonly rest: Rest;
  readonly parameters: Readonly<Record<string, string>>;
  readonly navigate: Host['navigate'];
  readonly notice: Host['notice'];
}

/**
 * Runs one mashup: its tree of widgets, bindings, events and service calls. What is bound to an input of a service is read when the
 * service is called; everything else is handed on when it changes.
 */
export class MashupRuntime implements Host {
  readonly #content: Content;
  readonly #options: RuntimeOptions;
  readonly #parts = new Map<string, Part>();
  readonly #calls = new Map<string, Call>();
  /** Bindings that were found to name a field that does not come. */
  readonly #told = new Set<string>();
  #isStopped = false;

  constructor(content: Content, options: RuntimeOptions) {
    this.#content = content;
    this.#options = options;
    for (const [section, source] of Object.entries(content.Data))
      for (const { Name, Target, Parameters } of source.Services)
        this.#calls.set(`${section} ${Name}`, {
          source,
          target: Target,
          constants: Parameters,
          result: undefined,
          selected: [],
          last: 0,
        });
  }

  start(parent: HTMLElement): void {
    for (const problem of wrongReferences({ ...this.#content })) this.notice(problem, 'warning');
    for (const node of this.#content.UI.Widgets) {
      const element = this.child(node);
      if (element) parent.append(element);
    }
    for (const binding of this.#content.DataBindings) {
      const value = this.#options.parameters[binding.PropertyMaps[0]?.SourceProperty ?? ''];
      if (binding.SourceArea === 'Mashup' && value !== undefined) this.#deliver(binding, value);
    }
    this.#trigger('Mashup', '', 'mashup-root', 'Loaded');
  }

  stop(): void {
    this.#isStopped = true;
    for (const part of this.#parts.values()) part.stop?.();
  }

  child(node: Node): HTMLElement | undefined {
    const id = String(node.Properties['Id']);
    const part = createWidget(node, this) ?? createFunction(node, this);
    this.#parts.set(id, part);
    return part.element;
  }

  changed(id: string, property: string, value: unknown): void {
    for (const binding of this.#content.DataBindings)
      if (
        binding.SourceArea === 'UI' &&
        binding.SourceId === id &&
        binding.PropertyMaps[0]?.SourceProperty === property
      )
        this.#deliver(binding, value);
  }

  fire(id: string, event: string): void {
    this.#trigger('UI', '', id, event);
  }

  select(id: string, rows: readonly Readonly<Record<string, unknown>>[], notify: boolean): void {
    const binding = this.#content.DataBindings.find(
      ({ TargetId, PropertyMaps }) => TargetId === id && PropertyMaps[0]?.TargetProperty === 'Data',
    );
    if (!binding) return;
    const call = this.#calls.get(`${binding.SourceSection} ${binding.SourceId}`);
    if (!call) return;
    call.selected = rows;
    this.#deliverFrom(binding.SourceSection, binding.SourceId, 'SelectedRows');
    if (notify) this.#trigger('Data', binding.SourceSection, binding.SourceId, 'SelectedRowsChanged');
  }

  navigate(mashup: string, parameters: Readonly<Record<string, unknown>>): void {
    this.#options.navigate(mashup, parameters);
  }

  notice(text: string, kind: 'info' | 'warning' | 'error'): void {
    this.#options.notice(text, kind);
  }

  /** Hands the value of a source to a widget. Inputs of services are read when the service is called. */
  #deliver(binding: Binding, value: unknown): void {
    if (binding.TargetArea === 'UI')
      this.#parts.get(binding.TargetId)?.set(binding.PropertyMaps[0]?.TargetProperty ?? '', value);
  }

  #deliverFrom(section: string, service: string, details: string): void {
    for (const binding of this.#content.DataBindings)
      if (
        binding.SourceArea === 'Data' &&
        binding.SourceSection === section &&
        binding.SourceId === service &&
        binding.SourceDetails === details
      )
        this.#deliver(binding, this.#read(binding));
  }

  /** The present value of the source of a binding. */
  #read(binding: Binding): unknown {
    const property = binding.PropertyMaps[0]?.SourceProperty ?? '';
    if (binding.SourceArea === 'UI') return this.#parts.get(binding.SourceId)?.get(property);
    if (binding.SourceArea === 'Mashup') return this.#options.parameters[property];
    const call = this.#calls.get(`${binding.SourceSection} ${binding.SourceId}`);
    if (!call?.result) return undefined;
    const rows = binding.SourceDetails === 'SelectedRows' ? call.selected : call.result.rows;
    this.#tellUnknownField(binding, property, call.result);
    return property === '' ? { dataShape: call.result.dataShape, rows } : rows[0]?.[property];
  }

  /** ThingWorx says nothing of a field that the service does not give: the target stays empty. */
  #tellUnknownField({ Id, SourceId }: Binding, field: string, { dataShape }: Table): void {
    const fields = dataShape?.fieldDefinitions;
    if (field === '' || !fields || field in fields || this.#told.has(Id)) return;
    this.#told.add(Id);
    this.notice(`Binding ${Id}: ${SourceId} gives no field ${field}`, 'warning');
  }

  #trigger(area: string, section: string, id: string, event: string): void {
    for (const one of this.#content.Events)
      if (
        one.EventTriggerArea === area &&
        one.EventTriggerSection === section &&
        one.EventTriggerId === id &&
        one.EventTriggerEvent === event
      )
        this.#handle(one);
  }

  #handle({ EventHandlerArea, EventHandlerId, EventHandlerService }: Event): void {
    if (EventHandlerArea === 'Data') void this.#invoke(EventHandlerId, EventHandlerService);
    else if (EventHandlerArea === 'UI') this.#parts.get(EventHandlerId)?.call(EventHandlerService);
  }

  async #invoke(section: string, service: string): Promise<void> {
    const call = this.#calls.get(`${section} ${service}`);
    if (!call || this.#isStopped) return;
    call.last += 1;
    const number = call.last;
    const input: Record<string, unknown> = { ...call.constants };
    for (const binding of this.#content.DataBindings) {
      if (binding.TargetArea !== 'Data' || binding.TargetSection !== section || binding.TargetId !== service)
        continue;
      const value = this.#read(binding);
      if (value !== undefined && value !== '') input[binding.PropertyMaps[0]?.TargetProperty ?? ''] = value;
    }
    let result: Table | undefined;
    try {
      result = await this.#options.rest.invoke(
        call.source.EntityType,
        call.source.EntityName,
        call.target,
        input,
      );
    } catch (error) {
      if (!this.#isStopped) this.notice(`${call.target}: ${(error as Error).message}`, 'error');
      return;
    }
    if (this.#isStopped || number !== call.last) return;
    call.result = result ?? { dataShape: undefined, rows: [] };
    this.#deliverFrom(section, service, 'AllData');
    this.#trigger('Data', section, service, 'AllDataChanged');
    this.#trigger('Data', section, service, 'ServiceInvokeCompleted');
  }
}
