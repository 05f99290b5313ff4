import { getTwin } from './get-twin.ts';
import { replaceTwin } from './replace-twin.ts';
import { updateTwin } from './update-twin.ts';

/** Twins of devices and modules. */
export const TWINS = [getTwin, updateTwin, replaceTwin];
