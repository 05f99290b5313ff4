import { changeTwinSection } from './change-twin-section.ts';
import { getTwin } from './get-twin.ts';
import { getTwinSections } from './get-twin-sections.ts';
import { replaceTwin } from './replace-twin.ts';
import { updateTwin } from './update-twin.ts';

/** Twins of devices and modules. */
export const TWINS = [getTwin, updateTwin, replaceTwin, changeTwinSection, getTwinSections];
