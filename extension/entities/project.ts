import {
  ADMINISTRATORS,
  type Group,
  ORGANIZATION,
  type Organization,
  PROJECT,
  type Project,
  SIDECAR_GROUP,
} from './model.ts';

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

/** In ThingWorx rights count only for entities that a user sees, and users see by organization. */
export const organization: Organization = {
  kind: 'Organization',
  name: ORGANIZATION,
  description:
    'Lets the members of the connector groups see its entities and the Things made from its templates.',
  units: [
    { name: 'Administrators', description: 'Those who operate the connector.', groups: [ADMINISTRATORS] },
    {
      name: 'Sidecar',
      description: 'The user of the application key of the sidecar.',
      groups: [SIDECAR_GROUP],
    },
  ],
};
