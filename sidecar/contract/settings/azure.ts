import Type from 'typebox';
import { EXPECTED_KEYWORD, OneOf } from '../schema.ts';
import { type SettingFacts, setting } from './setting.ts';

const AZURE = 'Azure connection';

function secret(title: string, description: string) {
  const facts: SettingFacts = { category: AZURE, secret: true, reopensConsumer: true };
  return Type.Optional(setting(Type.String({ title, description, maxLength: 4096 }), facts, 'PASSWORD'));
}

/** How a hub Thing reaches Azure. */
export const AZURE_SETTINGS = {
  iotHubConnectionString: secret(
    'IoT Hub connection string',
    'Connection string of a shared access policy of the IoT Hub (HostName=...;SharedAccessKeyName=...;SharedAccessKey=...). ' +
      'Service connect is enough for telemetry, twins, methods and messages; registry rights are needed to manage devices. ' +
      'May be env:NAME or file:/path, which the sidecar resolves. Leave empty to sign in with Microsoft Entra ID.',
  ),
  hostName: Type.Optional(
    setting(
      Type.String({
        title: 'IoT Hub host name',
        description:
          'Host name of the IoT Hub, such as my-hub.azure-devices.net, when the sidecar signs in with Microsoft Entra ID ' +
          '(managed identity, workload identity or environment). Not needed with a connection string.',
        maxLength: 260,
        pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$',
        [EXPECTED_KEYWORD]: 'a host name such as my-hub.azure-devices.net',
      }),
      { category: AZURE, reopensConsumer: true },
    ),
  ),
  tier: setting(
    OneOf(['unknown', 'F1', 'B1', 'B2', 'B3', 'S1', 'S2', 'S3'], {
      title: 'Tier of the IoT Hub',
      description:
        'Edition and size of the IoT Hub. Calls keep to its rates (docs/operate.md). With unknown, calls are limited only after the ' +
        'hub has refused one (429).',
      default: 'unknown',
    }),
    { category: AZURE },
  ),
  units: setting(
    Type.Integer({
      title: 'Units of the IoT Hub',
      description: 'Number of units of the IoT Hub. Its rates grow with the units.',
      default: 1,
      minimum: 1,
      maximum: 200,
    }),
    { category: AZURE },
  ),
  eventHubConnectionString: secret(
    'Event Hubs-compatible connection string',
    'Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...;EntityPath=... of the built-in endpoint. Leave empty to ' +
      'find it with the IoT Hub connection string. Needed with Microsoft Entra ID, or to read another Event Hub. Without a key the ' +
      'sidecar signs in with Microsoft Entra ID: Event Hubs accept that, the built-in endpoint of an IoT Hub does not.',
  ),
  amqpTransport: setting(
    OneOf(['amqp', 'amqp-websockets'], {
      title: 'AMQP transport',
      description:
        'How the sidecar connects to Azure by AMQP: on port 5671 (amqp), or by WebSockets on port 443 (amqp-websockets) if a ' +
        'firewall or proxy allows only that.',
      default: 'amqp',
    }),
    { category: AZURE, reopensConsumer: true },
  ),
  storageConnectionString: secret(
    'Storage for checkpoints',
    'Connection string of the storage account that keeps the checkpoints, or its https address to sign in with Microsoft ' +
      'Entra ID. Needed if several sidecars share the hub. Empty: the sidecar keeps checkpoints in a file.',
  ),
};
