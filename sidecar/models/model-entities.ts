import {
  ADMINISTRATORS,
  ENGINEERS,
  type Entity,
  type EventDefinition,
  type FieldDefinition,
  forbid,
  OPERATORS,
  type Permission,
  type PropertyDefinition,
  permit,
  permitAll,
  type ServiceDefinition,
  SIDECAR_GROUP,
  type SubscriptionDefinition,
  SYSTEM_USER,
  type ThingShape,
  type ThingTemplate,
} from '../entities/model.ts';
import { entityBase, templateName } from '../lib/dtmi.ts';
import { REPORTED } from '../translate/address.ts';
import { oneLine, sentences, unitDescription } from './descriptions.ts';
import type { Channel, Command, Interface, Property, Schema, Telemetry } from './model.ts';
import {
  type CommandParameter,
  commandScript,
  eventScript,
  refusalScript,
  type TwinProperty,
  twinScript,
  writeScript,
} from './model-scripts.ts';
import type { Models, OwnContent } from './models.ts';
import { MemberNames, MODEL_SHAPE, parameterName } from './names.ts';
import { baseTypeOf, type ValueType, ValueTypes } from './value-types.ts';

/** Components repeat what their interface has: few lines can ask for more than ThingWorx can import. */
const MAX_MEMBERS = 50_000;

/** What a person chooses for the entities of models. */
export interface ModelChoices {
  /** The project of the entities. */
  readonly project: string;
  /** How writable properties are sent whose model does not say it. */
  readonly sendAs: Channel;
  /** Properties that are sent otherwise, by name, or by component and name: `thermostat1.targetTemperature`. */
  readonly exceptions: Readonly<Record<string, Channel>>;
  /** Whether values of telemetry are kept in a value stream. */
  readonly isLogged: boolean;
}

/** Members of a shape, and where they come from. */
interface Part {
  /** The name of the shape. */
  readonly name: string;
  readonly description: string;
  /** The interface that has the part. */
  readonly owner: string;
  /** The interface whose Data Shapes they use. */
  readonly interfaceId: string;
  /** Empty for the device itself. */
  readonly component: string;
  readonly category: string;
  readonly contents: readonly OwnContent[];
}

/** Makes Thing Shapes, Thing Templates and Data Shapes of models. */
export class ModelEntities {
  readonly #models: Models;
  readonly #choices: ModelChoices;
  readonly #types: ValueTypes;
  /** Shapes by name; templates that extend the same interface share its shape. */
  readonly #shapes = new Map<string, ThingShape>();
  /** Which part of which model a shape was made of, by the name of the shape. */
  readonly #origins = new Map<string, string>();
  #members = 0;
  readonly #templates: ThingTemplate[] = [];

  constructor(models: Models, choices: ModelChoices) {
    this.#models = models;
    this.#choices = choices;
    this.#types = new ValueTypes(choices.project);
  }

  /** Adds a Thing Template for the devices of a model, with its shapes. */
  add(id: string): void {
    const lineage = this.#models.lineage(id);
    const parts = lineage.flatMap((item) => [this.#ownPart(item), ...this.#componentParts(item)]);
    for (const part of parts) this.#addShape(part);
    this.#models.problems.throwIfAny();
    this.#checkNames(id, parts);
    const { title, description } = this.#models.require(id);
    this.#templates.push({
      kind: 'ThingTemplate',
      project: this.#choices.project,
      homeMashup: 'AzureIoT.Device_MU',
      name: templateName(id),
      description: sentences(title, description, `Devices of the model ${id}`),
      baseThingTemplate: 'AzureIoT.Device_TT',
      implementedShapes: [MODEL_SHAPE, ...parts.map(({ name }) => name)],
      properties: [],
      services: [],
      events: [],
      subscriptions: [],
      permissions: [],
      // Of AzureIoT.Device_TS. Given here, so that a right that somebody lacks on a Thing without a model is not his by way of the System user.
      instancePermissions: permit('ServiceInvoke', SYSTEM_USER, ['InvokeMethod', 'SendProperties'], 'User'),
    });
  }

  /** The entities, with the project that holds them. */
  entities(): readonly Entity[] {
    const { project } = this.#choices;
    return [
      { kind: 'Project', name: project, project, description: 'Made of models of devices.' },
      ...this.#types.dataShapes,
      ...this.#shapes.values(),
      ...this.#templates,
    ];
  }

  #ownPart({ id, title, description }: Interface): Part {
    return {
      name: `${entityBase(id)}_TS`,
      description: sentences(title, description, `What devices of the model ${id} have`),
      owner: id,
      interfaceId: id,
      component: '',
      category: oneLine(title) || entityBase(id),
      contents: this.#models.ownContents(id),
    };
  }

  #componentParts({ id }: Interface): Part[] {
    return this.#models.components(id).map(({ component, interfaceId, contents }) => ({
      name: `${entityBase(id)}.${component.name}_TS`,
      description: sentences(
        component.title,
        component.description,
        `The component ${component.name} of the model ${id}, of the interface ${interfaceId}`,
      ),
      owner: id,
      interfaceId,
      component: component.name,
      category: oneLine(component.title) || component.name,
      contents,
    }));
  }

  /** A shape is the same in each template that implements it. */
  #addShape(part: Part): void {
    const origin = part.component === '' ? part.interfaceId : `${part.component} of ${part.owner}`;
    const other = this.#origins.get(part.name);
    if (other === origin) return;
    if (other !== undefined) {
      this.#models.problems.add(
        part.owner,
        `Both ${other} and ${origin} get the Thing Shape ${part.name}; expected ids that make different names.`,
      );
      return;
    }
    this.#members += part.contents.length;
    if (this.#members > MAX_MEMBERS) {
      this.#models.problems.add(
        part.owner,
        `The models have more than ${MAX_MEMBERS} members, those of components counted for each component.`,
      );
      return;
    }
    this.#origins.set(part.name, origin);
    // Also beside what is not writable: whatever a device sends as x goes to x_reported when a Thing has both.
    const reserved = part.contents.map(({ name }) => `${prefixOf(part)}${name}${REPORTED}`);
    const names = new MemberNames(this.#models.problems, part.interfaceId, new Set(reserved));
    const builder = new ShapeBuilder(part, names, this.#types, this.#choices);
    for (const content of part.contents) builder.add(content);
    this.#shapes.set(part.name, builder.build());
  }

  /** A member `a_b` of the device has the name of the member b of its component a. */
  #checkNames(id: string, parts: readonly Part[]): void {
    const owners = new Map<string, string>();
    for (const { name } of parts) {
      const { properties, services, events } = this.#shapes.get(name) as ThingShape;
      for (const member of [...properties, ...services, ...events]) {
        const owner = owners.get(member.name);
        if (owner !== undefined)
          this.#models.problems.add(
            id,
            `${owner} and ${name} both have the member ${member.name}; expected different names.`,
          );
        owners.set(member.name, name);
      }
    }
    // Inside of one shape names are chosen so that this cannot happen.
    for (const [member, owner] of owners) {
      const reported = owners.get(`${member}${REPORTED}`);
      if (reported === undefined || reported === owner) continue;
      this.#models.problems.add(
        id,
        `${owner} has the member ${member} and ${reported} has ${member}${REPORTED}, which would get the values of ${member}; expected different names.`,
      );
    }
  }
}

/** A message of the device addresses the members of a component with its name. */
function prefixOf({ component }: Part): string {
  return component === '' ? '' : `${component}_`;
}

/** Makes one Thing Shape. */
class ShapeBuilder {
  readonly #part: Part;
  readonly #names: MemberNames;
  readonly #types: ValueTypes;
  readonly #choices: ModelChoices;
  readonly #properties: PropertyDefinition[] = [];
  readonly #services: ServiceDefinition[] = [];
  readonly #events: EventDefinition[] = [];
  readonly #subscriptions: SubscriptionDefinition[] = [];
  readonly #twinProperties: Record<string, TwinProperty> = {};
  /** Properties that people do not set. */
  readonly #readOnly: string[] = [];

  constructor(part: Part, names: MemberNames, types: ValueTypes, choices: ModelChoices) {
    this.#part = part;
    this.#names = names;
    this.#types = types;
    this.#choices = choices;
  }

  add(content: OwnContent): void {
    switch (content.kind) {
      case 'telemetry':
        this.#addTelemetry(content);
        break;
      case 'property':
        this.#addProperty(content);
        break;
      case 'command':
        this.#addCommand(content);
        break;
    }
  }

  build(): ThingShape {
    this.#addTwinSubscriptions();
    const { name, description } = this.#part;
    return {
      kind: 'ThingShape',
      project: this.#choices.project,
      name,
      description,
      properties: this.#properties,
      services: this.#services,
      events: this.#events,
      subscriptions: this.#subscriptions,
      instancePermissions: this.#permissions(),
    };
  }

  #permissions(): Permission[] {
    const services = this.#services.map(({ name }) => name);
    const events = this.#events.map(({ name }) => name);
    return [
      ...permitAll(ADMINISTRATORS),
      ...permit('ServiceInvoke', OPERATORS, services),
      ...permit('ServiceInvoke', ENGINEERS, services),
      ...forbid('PropertyWrite', ENGINEERS, this.#readOnly),
      ...permit('EventInvoke', SIDECAR_GROUP, events),
      ...permit('EventInvoke', SYSTEM_USER, events, 'User'),
    ];
  }

  /** The name that a member has on the Thing: as a message of the device addresses it. */
  #memberName(name: string): string {
    return this.#names.give(`${prefixOf(this.#part)}${name}`);
  }

  #typeOf(schema: Schema, path: string, description: string): ValueType {
    return this.#types.typeOf(schema, `${entityBase(this.#part.interfaceId)}.${path}`, description);
  }

  #property(
    field: Telemetry | Property,
    name: string,
    type: ValueType,
    more: Partial<PropertyDefinition>,
  ): void {
    const { minimum, maximum } = field;
    this.#properties.push({
      ...this.#types.definition(field, type),
      name,
      category: this.#part.category,
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
      ...more,
    });
  }

  #addTelemetry(telemetry: Telemetry): void {
    const name = this.#memberName(telemetry.name);
    const description = unitDescription(telemetry);
    const type = this.#typeOf(telemetry.schema, telemetry.name, description);
    this.#property(telemetry, name, type, {
      ...(this.#choices.isLogged ? { isLogged: true } : {}),
      ...(telemetry.isEvent ? { dataChangeType: 'ALWAYS' } : {}),
    });
    this.#readOnly.push(name);
    if (telemetry.isEvent) this.#addEvent(telemetry, name, type, description);
  }

  #addEvent(telemetry: Telemetry, property: string, type: ValueType, description: string): void {
    const name = this.#names.give(`${property}Event`);
    const time: FieldDefinition = { name: 'time', baseType: 'DATETIME', description: 'When it happened.' };
    const isObject = telemetry.schema.kind === 'object' && typeof type !== 'string';
    const fields = isObject
      ? telemetry.schema.fields
          .filter((field) => field.name !== 'time')
          .map((field) => this.#types.definition(field, type.fields[field.name] as ValueType))
      : [{ ...this.#types.definition(telemetry, type), name: 'value' }];
    const base = `${entityBase(this.#part.interfaceId)}.${telemetry.name}Event`;
    const dataShape = this.#types.keep(base, sentences(`The event of ${telemetry.name}`), [...fields, time]);
    this.#events.push({ name, category: this.#part.category, description, dataShape });
    this.#subscriptions.push({
      name: `Fire_${name}`,
      description: `Fires ${name} for each value of ${property}.`,
      eventName: 'DataChange',
      sourceProperty: property,
      script: eventScript(name, type),
    });
  }

  #addProperty(property: Property): void {
    const name = this.#memberName(property.name);
    const type = this.#typeOf(property.schema, property.name, unitDescription(property));
    this.#property(property, name, type, { isPersistent: true });
    this.#twinProperties[property.name] = {
      property: name,
      type,
      ...(property.isWritable ? { isWritable: true } : {}),
    };
    if (!property.isWritable) {
      this.#readOnly.push(name);
      return;
    }
    const reported = this.#names.giveReserved(`${name}${REPORTED}`);
    this.#property(property, reported, type, {
      isPersistent: true,
      description: sentences(`What the device says of ${name}`, unitDescription(property)),
    });
    this.#readOnly.push(reported);
    const { component } = this.#part;
    const channel = this.#channelOf(property);
    this.#subscriptions.push({
      name: `Write_${name}`,
      description: `Sends ${name} to the device when somebody has set it.`,
      eventName: 'DataChange',
      sourceProperty: name,
      script: writeScript({ property: name, component, name: property.name, channel, type }),
    });
  }

  #channelOf({ name, sendAs }: Property): Channel {
    const { exceptions, sendAs: otherwise } = this.#choices;
    const { component } = this.#part;
    const path = component === '' ? name : `${component}.${name}`;
    return (Object.hasOwn(exceptions, path) ? exceptions[path] : undefined) ?? sendAs ?? otherwise;
  }

  #addCommand(command: Command): void {
    const { component } = this.#part;
    const name = this.#memberName(command.name);
    const { request, response } = command;
    const method = command.method ?? (component === '' ? command.name : `${component}*${command.name}`);
    const requestType =
      request === undefined
        ? undefined
        : this.#typeOf(request.schema, `${command.name}.${request.name}`, unitDescription(request));
    const resultType =
      response === undefined
        ? undefined
        : this.#typeOf(response.schema, `${command.name}.${response.name}`, unitDescription(response));
    const { parameters, fields } = this.#parametersOf(request, requestType);
    this.#services.push({
      name,
      category: this.#part.category,
      description: sentences(
        command.title,
        command.description,
        `Calls the direct method ${method} of the device`,
      ),
      parameters: fields,
      result:
        response === undefined || resultType === undefined
          ? { baseType: 'NOTHING', description: '' }
          : {
              baseType: baseTypeOf(resultType),
              description: unitDescription(response),
              ...(typeof resultType === 'string' ? {} : { dataShape: resultType.dataShape }),
            },
      script: commandScript({
        method,
        parameters,
        requestType:
          request === undefined || requestType === undefined
            ? undefined
            : { type: requestType, name: request.name, optional: request.isOptional },
        resultType,
      }),
    });
  }

  /** The fields of an object are parameters of their own. */
  #parametersOf(request: Command['request'], type: ValueType | undefined) {
    if (request === undefined || type === undefined) return { parameters: [], fields: [] };
    const { schema } = request;
    if (schema.kind === 'object' && typeof type !== 'string') {
      const parameters = schema.fields.map(
        ({ name }): CommandParameter => ({
          variable: parameterName(name),
          member: name,
          type: type.fields[name] as ValueType,
        }),
      );
      const fields = schema.fields.map((field, i) =>
        this.#parameter(field, parameters[i] as CommandParameter),
      );
      return { parameters, fields };
    }
    const parameter: CommandParameter = { variable: parameterName(request.name), member: undefined, type };
    const field = this.#parameter(request, parameter);
    return {
      parameters: [parameter],
      fields: [request.isOptional ? field : { ...field, isRequired: true as const }],
    };
  }

  #parameter(
    field: Parameters<ValueTypes['definition']>[0],
    { variable, type }: CommandParameter,
  ): FieldDefinition {
    return { ...this.#types.definition(field, type), name: variable };
  }

  #addTwinSubscriptions(): void {
    const { component, name } = this.#part;
    const properties = this.#twinProperties;
    if (Object.keys(properties).length === 0) return;
    const reading = { component, properties };
    const suffix = name.replace(/_TS$/, '').replaceAll('.', '_');
    this.#subscriptions.push({
      name: `Report_${suffix}`,
      description: 'Writes what the device has reported to the properties of the model.',
      eventName: 'DataChange',
      sourceProperty: 'twinReported',
      script: twinScript('reported', reading),
    });
    if (!Object.values(properties).some(({ isWritable }) => isWritable)) return;
    this.#subscriptions.push(
      {
        name: `Desire_${suffix}`,
        description: 'Writes desired properties that were set elsewhere to the properties of the model.',
        eventName: 'DataChange',
        sourceProperty: 'twinDesired',
        script: twinScript('desired', reading),
      },
      {
        name: `Restore_${suffix}`,
        description: 'Gives properties that the IoT Hub has refused the values that they had.',
        eventName: 'TwinUpdateRefused',
        script: refusalScript(reading),
      },
    );
  }
}
