import { element, toXml } from './xml.ts';

interface ExtensionPackage {
  readonly name: string;
  /** `<major>.<minor>.<patch>`. */
  readonly version: string;
  readonly description: string;
  /** Extensions that must be there first, as `name:version`, separated by commas. */
  readonly dependsOn?: string;
}

/** The description of an extension, at the root of its zip. It needs import rights for entities only: no jar, script or web files. */
export function metadataXml({ name, version, description, dependsOn = '' }: ExtensionPackage): string {
  const attributes = {
    artifactId: '',
    buildNumber: '',
    dependsOn,
    description,
    documentationContent: '',
    groupId: '',
    haCompatible: 'true',
    homeMashup: '',
    minimumThingWorxVersion: '9.0.0',
    name,
    packageVersion: version,
    tags: '',
    vendor: 'ThingWorx Azure IoT Connector project',
  };
  return toXml(
    element('Entities', {}, [element('ExtensionPackages', {}, [element('ExtensionPackage', attributes)])]),
  );
}
