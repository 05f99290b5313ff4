import type { Extensions } from '../import/extensions.ts';
import type { FieldDefinition } from '../infotable.ts';
import type { Collection } from '../model/entity.ts';
import type { NativeRegistry } from '../model/inheritance.ts';
import type { NativeResource } from '../script-platform.ts';
import { collectionServices } from './collection-services.ts';
import { commonServices } from './common.ts';
import { configurationServices } from './configuration.ts';
import { dataShapeServices } from './data-shapes.ts';
import { dependencyServices } from './dependencies.ts';
import { entityServices } from './entity-services.ts';
import { historyServices } from './history-services.ts';
import { instancePermissionServices, templatePermissionServices } from './instance-permissions.ts';
import { lifecycleServices, switchServices } from './lifecycle-services.ts';
import { logServices } from './logs-services.ts';
import type { PlatformService } from './native.ts';
import { permissionServices } from './permission-services.ts';
import { applicationKeyServices, groupServices, organizationServices, userServices } from './principals.ts';
import { implementerServices } from './queries.ts';
import { repositoryServices } from './repository-services.ts';
import { searchServices } from './search.ts';
import { sessionServices } from './session.ts';
import { platformSubsystemServices } from './subsystems.ts';
import { definitionChangeServices } from './thing-definitions.ts';
import { thingDefinitionServices } from './thing-metadata.ts';
import { propertyServices, remoteThingServices } from './thing-properties.ts';

const everyEntity: readonly PlatformService[] = [
  ...commonServices,
  ...configurationServices,
  ...permissionServices,
  ...dependencyServices,
];

/** All services that the platform itself implements, by what they belong to. */
export class NativeServices implements NativeRegistry {
  private readonly templates = new Map<string, PlatformService[]>();
  private readonly collections = new Map<Collection, PlatformService[]>();
  private readonly entities = new Map<string, PlatformService[]>();

  constructor() {
    const things = [
      ...propertyServices,
      ...historyServices,
      ...thingDefinitionServices,
      ...definitionChangeServices,
      ...lifecycleServices,
    ] as PlatformService[];
    this.templates.set('GenericThing', [...everyEntity, ...things]);
    this.templates.set('RemoteThing', remoteThingServices as PlatformService[]);
    this.templates.set('FileRepository', repositoryServices as PlatformService[]);
    this.templates.set('Timer', switchServices('Timer') as PlatformService[]);
    this.templates.set('Scheduler', switchServices('Scheduler') as PlatformService[]);
    const models = [...implementerServices, ...definitionChangeServices, ...instancePermissionServices];
    this.add('ThingTemplates', [...models, ...templatePermissionServices]);
    this.add('ThingShapes', models);
    this.add('DataShapes', dataShapeServices);
    this.add('Groups', groupServices);
    this.add('Users', userServices);
    this.add('Organizations', organizationServices);
    this.add('ApplicationKeys', applicationKeyServices);
    this.add('Logs', logServices);
    this.entities.set('Resources/EntityServices', entityServices);
    this.entities.set('Resources/CollectionFunctions', collectionServices);
    this.entities.set('Resources/CurrentSessionInfo', sessionServices);
    this.entities.set('Resources/SearchFunctions', searchServices);
  }

  private add(collection: Collection, services: readonly PlatformService<never>[]): void {
    this.collections.set(collection, services as unknown as PlatformService[]);
  }

  ofTemplate(template: string): readonly PlatformService[] {
    return this.templates.get(template) ?? [];
  }

  ofEntity(collection: Collection, name: string): readonly PlatformService[] {
    return [
      ...everyEntity,
      ...(this.collections.get(collection) ?? []),
      ...(this.entities.get(`${collection}/${name}`) ?? []),
    ].filter((service) => service.isAvailable?.() ?? true);
  }

  resources(): string[] {
    return [...this.entities.keys()]
      .filter((key) => key.startsWith('Resources/'))
      .map((key) => key.slice('Resources/'.length));
  }

  useExtensions(extensions: Extensions): void {
    this.entities.set('Subsystems/PlatformSubsystem', platformSubsystemServices(extensions));
  }

  useSourceControl(services: readonly PlatformService[]): void {
    this.entities.set('Resources/SourceControlFunctions', [...services]);
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
        isAvailable: () => service.isAvailable?.() ?? true,
      }),
    );
    this.entities.set(`Resources/${resource.name}`, services);
  }
}
