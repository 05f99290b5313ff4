import type { Extensions } from '../import/extensions.ts';
import type { FieldDefinition } from '../infotable.ts';
import type { Collection } from '../model/entity.ts';
import type { NativeRegistry } from '../model/inheritance.ts';
import type { NativeResource } from '../script-platform.ts';
import { entityServices } from './entity-services.ts';
import { lifecycleServices, switchServices } from './lifecycle-services.ts';
import type { PlatformService } from './native.ts';
import { implementerServices } from './queries.ts';
import { platformSubsystemServices } from './subsystems.ts';
import { definitionChangeServices, thingDefinitionServices } from './thing-definitions.ts';
import { propertyServices } from './thing-properties.ts';

/** All services that the platform itself implements, by what they belong to. */
export class NativeServices implements NativeRegistry {
  private readonly templates = new Map<string, PlatformService[]>();
  private readonly collections = new Map<Collection, PlatformService[]>();
  private readonly entities = new Map<string, PlatformService[]>();

  constructor() {
    const things = [
      ...propertyServices,
      ...thingDefinitionServices,
      ...definitionChangeServices,
      ...lifecycleServices,
    ];
    this.templates.set('GenericThing', things as PlatformService[]);
    this.templates.set('Timer', switchServices('Timer') as PlatformService[]);
    this.templates.set('Scheduler', switchServices('Scheduler') as PlatformService[]);
    const models = [...implementerServices, ...definitionChangeServices] as PlatformService[];
    this.collections.set('ThingTemplates', models);
    this.collections.set('ThingShapes', models);
    this.entities.set('Resources/EntityServices', entityServices);
  }

  ofTemplate(template: string): readonly PlatformService[] {
    return this.templates.get(template) ?? [];
  }

  ofEntity(collection: Collection, name: string): readonly PlatformService[] {
    return [
      ...(this.collections.get(collection) ?? []),
      ...(this.entities.get(`${collection}/${name}`) ?? []),
    ];
  }

  resources(): string[] {
    return [...this.entities.keys()]
      .filter((key) => key.startsWith('Resources/'))
      .map((key) => key.slice('Resources/'.length));
  }

  useExtensions(extensions: Extensions): void {
    this.entities.set('Subsystems/PlatformSubsystem', platformSubsystemServices(extensions));
  }

  /** Takes over the services of a resource that the script side implements. */
  addResource(
    resource: NativeResource,
    dataShapeFields: (name: string) => FieldDefinition[] | undefined,
  ): void {
    const services = Object.values(resource.services).map(
      (service): PlatformService => ({
        name: service.definition.name,
        description: '',
        parameters: service.definition.parameters,
        result: service.definition.result,
        run: (args) => service.invoke(args, { dataShapeFields }),
      }),
    );
    this.entities.set(`Resources/${resource.name}`, services);
  }
}
