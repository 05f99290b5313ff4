import type { Entity } from '../../sidecar/entities/model.ts';
import type { Mashup } from '../mashups/definition.ts';
import { MASHUPS } from '../mashups/index.ts';
import { canaryChange, canaryTemplate } from './canary.ts';
import {
  connectionState,
  ingestionStall,
  operationDataShapes,
  partition,
  propertyCreated,
  recentError,
  telemetryRefused,
  thingCreated,
} from './data-shapes.ts';
import { deviceShape, deviceTemplate } from './device.ts';
import { deviceDataShapes } from './device-data-shapes.ts';
import { modelShape } from './device-model.ts';
import { deviceValues } from './device-values.ts';
import { edgeDeviceShape, edgeDeviceTemplate } from './edge-device.ts';
import { importDataShapes } from './hub-import.ts';
import { hubTemplate } from './hub-template.ts';
import { mashupDataShapes } from './mashup-data-shapes.ts';
import { mashupServices, refusals } from './mashup-services.ts';
import { migratedThingShape, migrationDataShapes } from './migration.ts';
import { opcPublisherShape } from './opc-publisher.ts';
import { administrators, organization, project, roleGroups, sidecarGroup } from './project.ts';
import { ptcDataShapes, ptcServicesShape } from './ptc-services.ts';
import { quotaWarning } from './quota.ts';
import { sidecarShape } from './sidecar-shape.ts';
import { storageAccountTemplate } from './storage-account.ts';
import { blobContainerTemplate } from './storage-container.ts';
import { watch } from './watch.ts';

const dataShapes = [
  partition,
  recentError,
  connectionState,
  ingestionStall,
  telemetryRefused,
  thingCreated,
  propertyCreated,
  canaryChange,
  quotaWarning,
  ...deviceDataShapes,
  ...importDataShapes,
  ...migrationDataShapes,
  ...ptcDataShapes,
  ...mashupDataShapes,
  refusals,
];
const allDataShapes = [...dataShapes, ...operationDataShapes(dataShapes)];

export type ExtensionEntity = Entity | Mashup;

/** Every entity of the extension. */
export const ENTITIES: readonly ExtensionEntity[] = [
  project,
  administrators,
  ...roleGroups,
  sidecarGroup,
  organization,
  ...allDataShapes,
  sidecarShape,
  deviceShape,
  modelShape,
  migratedThingShape,
  ptcServicesShape,
  edgeDeviceShape,
  opcPublisherShape,
  hubTemplate,
  deviceTemplate,
  edgeDeviceTemplate,
  canaryTemplate,
  storageAccountTemplate,
  blobContainerTemplate,
  watch,
  deviceValues,
  mashupServices(allDataShapes),
  ...MASHUPS,
];
