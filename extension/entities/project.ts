import {
  ADMINISTRATORS,
  ENGINEERS,
  type Group,
  OPERATORS,
  ORGANIZATION,
  type Organization,
  PROJECT,
  type Project,
  SIDECAR_GROUP,
  VIEWERS,
} from '../../sidecar/entities/model.ts';

export const project: Project = {
  kind: 'Project',
  name: PROJECT,
  description: 'Connects Azure IoT Hub to ThingWorx.',
};

export const administrators: Group = {
  kind: 'Group',
  name: ADMINISTRATORS,
  description: 'Those who may do everything with Azure IoT hubs and devices. Add users or groups.',
};

/** Groups of people with less. */
export const roleGroups: readonly Group[] = [
  {
    kind: 'Group',
    name: ENGINEERS,
    description: 'Those who manage devices, mappings, imports and files. Add users or groups.',
  },
  {
    kind: 'Group',
    name: OPERATORS,
    description: 'Those who send commands to devices. Add users or groups.',
  },
  { kind: 'Group', name: VIEWERS, description: 'Those who look and change nothing. Add users or groups.' },
];

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
    {
      name: 'Administrators',
      description: 'Those who may do everything with the connector.',
      groups: [ADMINISTRATORS],
    },
    { name: 'Engineers', description: 'Those who manage devices and mappings.', groups: [ENGINEERS] },
    { name: 'Operators', description: 'Those who send commands.', groups: [OPERATORS] },
    { name: 'Viewers', description: 'Those who look.', groups: [VIEWERS] },
    {
      name: 'Sidecar',
      description: 'The user of the application key of the sidecar.',
      groups: [SIDECAR_GROUP],
    },
  ],
};
