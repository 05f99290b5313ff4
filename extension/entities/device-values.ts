import { ADMINISTRATORS, permitAll, type Thing } from '../../sidecar/entities/model.ts';

/** The value stream of the Things that are created for devices, unless deviceValueStream names another one. */
export const deviceValues: Thing = {
  kind: 'Thing',
  name: 'AzureIoT.DeviceValues',
  description: 'Keeps the history of the Things that are created for devices of an IoT Hub.',
  thingTemplate: 'ValueStream',
  properties: [],
  services: [],
  events: [],
  subscriptions: [],
  permissions: permitAll(ADMINISTRATORS),
  configurationTables: [],
};
