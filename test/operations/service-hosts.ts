import { ENTITIES } from '../../extension/entities/index.ts';
import type { ServiceDefinition } from '../../sidecar/entities/model.ts';
import { type Factory, HUB_THING } from './factory.ts';

const THINGS: Readonly<Record<string, string>> = {
  'AzureIoT.Sidecar_TS': HUB_THING,
  'AzureIoT.Hub_TT': HUB_THING,
  'AzureIoT.Device_TS': 'odd',
  'AzureIoT.EdgeDevice_TS': 'odd-edge',
  'AzureIoT.OpcPublisher_TS': 'odd-edge',
  'AzureIoT.StorageAccount_TT': 'Odd.Storage',
  'AzureIoT.BlobContainer_TT': 'Odd.Files',
  'AzureIoT.PtcServices_TS': 'Odd.Ptc',
};

interface ServiceHost {
  /** The name of the shape or template that has the services. */
  readonly entity: string;
  readonly thing: string;
  readonly services: readonly ServiceDefinition[];
}

/** Each shape and template with services, and the Thing of `createHosts` that they are called on. */
export const HOSTS: readonly ServiceHost[] = ENTITIES.flatMap((entity) => {
  const thing = THINGS[entity.name];
  if (thing === undefined || (entity.kind !== 'ThingShape' && entity.kind !== 'ThingTemplate')) return [];
  return [{ entity: entity.name, thing, services: entity.services }];
});

export async function createHosts(factory: Factory): Promise<void> {
  await factory.createStorage('Odd.Storage');
  await factory.createContainer('Odd.Files', 'Odd.Storage', 'odd');
  await factory.call('Odd.Files', 'SaveText', { path: '/odd.txt', content: 'text' });
  await factory.createDevice('odd');
  await factory.createDevice('odd-edge', { iotEdge: true, thingTemplate: 'AzureIoT.EdgeDevice_TT' });
  await addShape(factory, 'odd-edge', 'AzureIoT.OpcPublisher_TS');
  await factory.system.platform.createThing('Odd.Ptc', 'GenericThing');
  await addShape(factory, 'Odd.Ptc', 'AzureIoT.PtcServices_TS');
  await factory.system.platform.setProperties('Odd.Ptc', { hubThing: HUB_THING });
}

async function addShape(factory: Factory, name: string, thingShapeName: string): Promise<void> {
  await factory.system.platform.invokeOn('Resources', 'EntityServices', 'AddShapeToThing', {
    name,
    thingShapeName,
  });
  await factory.call(name, 'RestartThing');
}

interface Answer {
  readonly ok: boolean;
  readonly text: string;
  /** What the script threw; undefined when the platform refused the call before. */
  readonly said?: string | undefined;
}

/** Calls a service with a body as it is: with numbers and keys that no JavaScript object holds. */
export async function ask(factory: Factory, thing: string, service: string, body: string): Promise<Answer> {
  const { thingworxUrl, thingworxAppKey } = factory.system.cloud;
  const answer = await fetch(`${thingworxUrl}/Things/${thing}/Services/${service}`, {
    method: 'POST',
    headers: { appKey: thingworxAppKey, accept: 'application/json', 'content-type': 'application/json' },
    body,
  });
  const text = await answer.text();
  return { ok: answer.ok, text, said: /Execution error in service script \[\w+\] : (.*)/s.exec(text)?.[1] };
}
