/** The content of a mashup, or a part of it, as it was read. */
interface Node {
  [key: string]: unknown;
}

/**
 * What a mashup would silently not do: its bindings and events that name a widget, data source or service that is not in it, each in one
 * sentence. Used at import, and by the viewer when it opens a mashup.
 */
export function wrongReferences(content: Node): string[] {
  const known = collectIds(content);
  const problems: string[] = [];
  const complain = (detail: string) => problems.push(detail);
  for (const binding of nodes(content.DataBindings)) {
    const id = String(binding.Id ?? '');
    checkSource(binding, known, (detail) => complain(`Binding ${id}: ${detail}`));
    checkTarget(binding, known, (detail) => complain(`Binding ${id}: ${detail}`));
    if (nodes(binding.PropertyMaps).length > 1) {
      complain(`Binding ${id}: only the first of several PropertyMaps is applied`);
    }
  }
  for (const event of nodes(content.Events)) {
    const id = String(event.Id ?? '');
    checkTrigger(event, known, (detail) => complain(`Event ${id}: ${detail}`));
    checkHandler(event, known, (detail) => complain(`Event ${id}: ${detail}`));
  }
  return problems;
}

interface Known {
  widgets: Set<string>;
  /** Data source to the names of its services. */
  sources: Map<string, Set<string>>;
}

function nodes(value: unknown): Node[] {
  const list = Array.isArray(value)
    ? value
    : typeof value === 'object' && value !== null
      ? Object.values(value)
      : [];
  return list.filter((one): one is Node => typeof one === 'object' && one !== null);
}

function collectIds(content: Node): Known {
  const known: Known = { widgets: new Set(), sources: new Map() };
  const visit = (widget: Node) => {
    const properties = widget.Properties as Node | undefined;
    if (typeof properties?.Id === 'string') {
      known.widgets.add(properties.Id);
    }
    nodes(widget.Widgets).forEach(visit);
  };
  if (typeof content.UI === 'object' && content.UI !== null) {
    visit(content.UI as Node);
  }
  for (const [name, source] of Object.entries((content.Data ?? {}) as Record<string, Node>)) {
    const services = nodes(source?.Services).flatMap((service) => [
      String(service.Name ?? ''),
      String(service.Target ?? ''),
      String(service.Id ?? ''),
    ]);
    known.sources.set(name, new Set(services));
  }
  return known;
}

/** Session, User and the like are there without being declared. */
const builtInSources: ReadonlySet<string> = new Set(['Session', 'UserExtensions', 'User', 'Mashup', '']);

function checkData(source: string, service: string, known: Known, complain: (detail: string) => void): void {
  if (builtInSources.has(source)) {
    return;
  }
  const services = known.sources.get(source);
  if (services === undefined) {
    complain(`there is no data source ${source}`);
  } else if (service !== '' && !services.has(service)) {
    complain(`data source ${source} has no service ${service}`);
  }
}

function checkWidget(id: string, known: Known, complain: (detail: string) => void): void {
  if (id !== '' && !known.widgets.has(id)) {
    complain(`there is no widget ${id}`);
  }
}

function checkSource(binding: Node, known: Known, complain: (detail: string) => void): void {
  const id = String(binding.SourceId ?? '');
  if (binding.SourceArea === 'Data') {
    checkData(String(binding.SourceSection ?? ''), id, known, complain);
  } else if (binding.SourceArea === 'UI') {
    checkWidget(id, known, complain);
  }
}

function checkTarget(binding: Node, known: Known, complain: (detail: string) => void): void {
  const id = String(binding.TargetId ?? '');
  if (binding.TargetArea === 'Data') {
    checkData(String(binding.TargetSection ?? ''), id, known, complain);
  } else if (binding.TargetArea === 'UI') {
    checkWidget(id, known, complain);
  }
}

/** A trigger in Data has the service as its id and the data source as its section. */
function checkTrigger(event: Node, known: Known, complain: (detail: string) => void): void {
  const id = String(event.EventTriggerId ?? '');
  if (event.EventTriggerArea === 'Data') {
    checkData(String(event.EventTriggerSection ?? ''), id, known, complain);
  } else if (event.EventTriggerArea === 'UI') {
    checkWidget(id, known, complain);
  }
}

/** A handler in Data has the data source as its id. */
function checkHandler(event: Node, known: Known, complain: (detail: string) => void): void {
  const id = String(event.EventHandlerId ?? '');
  if (event.EventHandlerArea === 'Data') {
    checkData(id, String(event.EventHandlerService ?? ''), known, complain);
  } else if (event.EventHandlerArea === 'UI') {
    checkWidget(id, known, complain);
  }
}
