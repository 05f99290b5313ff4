import type { TestContext } from 'node:test';
import { ENTITIES } from '../../extension/entities/index.ts';
import type {
  FieldDefinition as ExtensionField,
  ServiceDefinition as ExtensionService,
} from '../../sidecar/entities/model.ts';
import { type FieldDefinition, field } from '../emulators/thingworx/infotable.ts';
import { PasswordCipher } from '../emulators/thingworx/password-cipher.ts';
import type { EntityDefinition, EntityReference } from '../emulators/thingworx/script-platform.ts';
import { scriptResources } from '../emulators/thingworx/script-resources.ts';
import { defaultScriptSwitches, type ScriptSwitches } from '../emulators/thingworx/script-switches.ts';
import { type BaseType, Password, type PlatformValue } from '../emulators/thingworx/values.ts';
import { ScriptFixture } from '../emulators/thingworx-tests/script-fixture.ts';

/** A Thing with the scripts of the hub template, on the script engine alone: no import, no rights, no subscriptions. */
export class ScriptHub {
  readonly fixture: ScriptFixture;
  readonly name: string;

  constructor(
    t: TestContext,
    name: string,
    switches: Partial<ScriptSwitches> = {},
    extra: readonly ExtensionService[] = [],
  ) {
    const all = { ...defaultScriptSwitches, ...switches };
    const cipher = new PasswordCipher();
    this.name = name;
    this.fixture = new ScriptFixture({ switches: all, cipher });
    t.after(() => this.fixture.stop());
    const { platform } = this.fixture;
    for (const resource of scriptResources(cipher, all)) platform.addResource(resource);
    const hub = platform.addThing(name);
    for (const entity of ENTITIES) {
      if (entity.kind === 'DataShape') platform.shapes.set(entity.name, entity.fields.map(toField));
      if (entity.kind !== 'ThingShape' && entity.kind !== 'ThingTemplate') continue;
      if (entity.name === 'AzureIoT.Sidecar_TS' || entity.name === 'AzureIoT.Hub_TT') {
        addTo(hub, entity);
        for (const { name: property, baseType, defaultValue } of entity.properties) {
          if (defaultValue !== undefined) this.set(property, toValue(baseType, defaultValue));
        }
      }
    }
    addTo(hub, { services: extra });
  }

  set(property: string, value: PlatformValue): void {
    this.fixture.platform.set(this.name, property, value);
  }

  setPassword(property: string, clear: string): void {
    this.set(property, new Password(clear));
  }

  get(property: string): PlatformValue {
    return this.fixture.platform.get(this.name, property);
  }

  /** Events that the hub has fired, by name. */
  fired(event: string): Record<string, PlatformValue>[] {
    return this.fixture.platform.events.filter((item) => item.event === event).map((item) => item.data);
  }

  /** Calls a service as a script would: `source` is its argument, such as `{a: 1}`, or nothing. */
  call(service: string, source = '', result: BaseType = 'JSON'): Promise<PlatformValue> {
    const entity = this.fixture.platform.findEntity('Things', this.name) as EntityReference;
    return this.fixture.engine.run({
      entity,
      service: 'Caller',
      source: result === 'NOTHING' ? `me.${service}(${source});` : `result = me.${service}(${source});`,
      variables: {},
      result: { baseType: result },
      principal: 'Administrator',
      depth: 0,
    });
  }
}

function addTo(hub: EntityDefinition, entity: object): void {
  const {
    properties = [],
    services = [],
    events = [],
  } = entity as {
    properties?: readonly ExtensionField[];
    services?: readonly ExtensionService[];
    events?: readonly { name: string; dataShape: string }[];
  };
  for (const property of properties) hub.properties[property.name] = { baseType: property.baseType };
  for (const event of events) hub.events[event.name] = { dataShape: event.dataShape };
  for (const service of services) {
    hub.services[service.name] = {
      name: service.name,
      parameters: service.parameters.map(toField),
      result: { baseType: service.result.baseType },
      isAsync: service.isAsync ?? false,
      implementation: { kind: 'script', source: service.script },
    };
  }
}

function toField(item: ExtensionField, ordinal: number): FieldDefinition {
  return field(item.name, item.baseType, { ordinal });
}

function toValue(baseType: string, text: string): PlatformValue {
  if (baseType === 'BOOLEAN') return text === 'true';
  return ['INTEGER', 'LONG', 'NUMBER'].includes(baseType) ? Number(text) : text;
}
