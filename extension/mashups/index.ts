import { campaigns } from './campaigns.ts';
import type { Mashup } from './definition.ts';
import { device } from './device.ts';
import { devices } from './devices.ts';
import { home } from './home.ts';
import { hub } from './hub.ts';
import { mappings } from './mappings.ts';
import { migration } from './migration.ts';
import { opcUa } from './opc-ua.ts';
import { withRights } from './rights.ts';
import { storage } from './storage.ts';

/** Every mashup of the extension. */
export const MASHUPS: readonly Mashup[] = [
  home,
  hub,
  devices,
  device,
  campaigns,
  opcUa,
  storage,
  mappings,
  migration,
].map((definition) => ({ kind: 'Mashup', ...withRights(definition) }));
