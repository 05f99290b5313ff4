import { PACKAGE_NAME } from '../../sidecar/version.ts';
import { element, toXml } from './xml.ts';

/** The package description, at the root of the zip. It needs import rights for entities only: no jar, script or web files. */
export function metadataXml(version: string): string {
  const attributes = {
    artifactId: '',
    buildNumber: '',
    dependsOn: '',
    description:
      'Connects Azure IoT Hub to ThingWorx: telemetry, twins, commands and files, through a sidecar program.',
    documentationContent: '',
    groupId: '',
    haCompatible: 'true',
    homeMashup: '',
    minimumThingWorxVersion: '9.0.0',
    name: PACKAGE_NAME,
    packageVersion: version,
    tags: '',
    vendor: 'ThingWorx Azure IoT Connector project',
  };
  return toXml(
    element('Entities', {}, [element('ExtensionPackages', {}, [element('ExtensionPackage', attributes)])]),
  );
}
