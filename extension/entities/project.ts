import { ADMINISTRATORS, type Group, PROJECT, type Project, SIDECAR_GROUP } from './model.ts';

export const project: Project = {
  kind: 'Project',
  name: PROJECT,
  description: 'Connects Azure IoT Hub to ThingWorx.',
};

export const administrators: Group = {
  kind: 'Group',
  name: ADMINISTRATORS,
  description: 'Those who configure and operate Azure IoT hubs and devices. Add users or groups.',
};

export const sidecarGroup: Group = {
  kind: 'Group',
  name: SIDECAR_GROUP,
  description:
    'What the application key of the sidecar needs, no more. Add the user of that application key and no one else.',
};
