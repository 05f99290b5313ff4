import { cancelPackage } from './cancel-package.ts';
import { deployPackage } from './deploy-package.ts';
import { listPackages } from './list-packages.ts';

/** Software packages for devices. */
export const PACKAGES = [deployPackage, cancelPackage, listPackages];
