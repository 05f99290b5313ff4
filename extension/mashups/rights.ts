import { ROLES, type Role } from '../../sidecar/operations/operation.ts';
import { SERVICE_ROLES } from '../entities/mashup-services.ts';
import type { Call, Handler, MashupDefinition, Widget } from './definition.ts';
import { widgetType } from './vocabulary.ts';

/** Which services the user may not call. Every mashup that offers such a service has this call; `frame` shows its note. */
const ASKED = 'GetRefusals';

/**
 * The mashup in which what the user may not do is disabled: each button, field or list whose events start a service that not every role may
 * call. Its tooltip names the role. Until the answer is there, or when there is none, the service itself refuses.
 */
export function withRights(mashup: MashupDefinition): MashupDefinition {
  const restrict = (widget: Widget): Widget => {
    const children = widget.children?.map(restrict);
    const nested = children ? { ...widget, children } : widget;
    const service = restrictedService(mashup, widget);
    if (service === undefined) return nested;
    const { bind = {}, properties = {} } = widget;
    if ('Disabled' in bind) throw new Error(`${mashup.name}: Disabled of ${widget.name} is bound already.`);
    return {
      ...nested,
      bind: { ...bind, Disabled: `${ASKED}.${service}` },
      properties: { ...properties, TooltipField: `Needs the role ${SERVICE_ROLES.get(service)}.` },
    };
  };
  const call: Readonly<Record<string, Call>> = { [ASKED]: {} };
  const isAsked = isMentioned(mashup.layout);
  return isAsked
    ? {
        ...mashup,
        calls: { ...mashup.calls, ...call },
        loaded: [...mashup.loaded, ASKED],
        layout: restrict(mashup.layout),
      }
    : mashup;
}

/** Whether the layout shows the note. */
function isMentioned({ bind = {}, children = [] }: Widget): boolean {
  const sources = Object.values(bind).flat();
  return sources.some((source) => source.startsWith(`${ASKED}.`)) || children.some(isMentioned);
}

/** Of the services that a widget starts, the one that needs the highest role, if it is not for everybody. */
function restrictedService(mashup: MashupDefinition, { type, on = {} }: Widget): string | undefined {
  if (!widgetType(type)?.properties['Disabled']) return undefined;
  const rank = (service: string) => ROLES.indexOf(SERVICE_ROLES.get(service) as Role);
  const [highest] = startedBy(mashup, Object.values(on).flat()).sort((a, b) => rank(b) - rank(a));
  return highest !== undefined && rank(highest) > 0 ? highest : undefined;
}

/** The services that handlers start, directly or through a function such as a confirmation. */
function startedBy(mashup: MashupDefinition, handlers: readonly Handler[]): string[] {
  return handlers.flatMap((handler) => {
    const [name = '', functionService] = handler.split('.');
    if (functionService === undefined) return [mashup.calls[name]?.service ?? name];
    const started = mashup.functions?.find((candidate) => candidate.name === name);
    return startedBy(mashup, Object.values(started?.on ?? {}).flat());
  });
}
