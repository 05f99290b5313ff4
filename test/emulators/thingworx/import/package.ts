import { readXml, type XmlElement, XmlProblem } from '../xml/document.ts';
import { ImportProblem } from './report.ts';

/** Attributes of `<ExtensionPackage>` in metadata.xml, and what else the file declares. */
export interface PackageDescription {
  name: string;
  version: Version;
  vendor: string;
  description: string;
  minimumThingWorxVersion: string;
  buildNumber: string;
  artifactId: string;
  groupId: string;
  haCompatible: boolean;
  dependsOn: { name: string; version: Version }[];
  /** Kinds of resources that the import policy looks at. */
  resources: Set<ResourceKind>;
  root: XmlElement;
}

export type ResourceKind =
  | 'allowJarResources'
  | 'allowJavascriptResources'
  | 'allowCSSResources'
  | 'allowJSONResources'
  | 'allowWebAppResources'
  | 'allowExtensibleEntities';

export interface Version {
  major: number;
  minor: number;
  patch: number;
  text: string;
}

export function parseVersion(text: string): Version | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:\.\d+)?$/.exec(text.trim());
  return match === null
    ? undefined
    : { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]), text: text.trim() };
}

export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

export function readPackage(metadata: Buffer): PackageDescription {
  let root: XmlElement;
  try {
    root = readXml(metadata.toString('utf8'));
  } catch (error) {
    if (error instanceof XmlProblem) {
      throw new ImportProblem(`Unable to parse metadata.xml: ${error.message}`);
    }
    throw error;
  }
  const element = root.path('ExtensionPackages', 'ExtensionPackage')[0];
  if (element === undefined) {
    throw new ImportProblem('metadata.xml declares no ExtensionPackage');
  }
  const name = element.attribute('name') ?? '';
  const versionText = element.attribute('packageVersion') ?? '';
  const version = parseVersion(versionText);
  if (name === '') {
    throw new ImportProblem('The ExtensionPackage has no name');
  }
  if (version === undefined) {
    throw new ImportProblem(`Extension Package [${name}] has an invalid packageVersion [${versionText}]`);
  }
  return {
    name,
    version,
    vendor: element.attribute('vendor') ?? '',
    description: element.attribute('description') ?? '',
    minimumThingWorxVersion: element.attribute('minimumThingWorxVersion') ?? '',
    buildNumber: element.attribute('buildNumber') ?? '',
    artifactId: element.attribute('artifactId') ?? '',
    groupId: element.attribute('groupId') ?? '',
    haCompatible: element.attribute('haCompatible') === 'true',
    dependsOn: readDependencies(name, element.attribute('dependsOn') ?? ''),
    resources: readResources(root, element),
    root,
  };
}

/** `Name:1.2.3,Other:1.0.0`. */
function readDependencies(name: string, text: string): PackageDescription['dependsOn'] {
  return text
    .split(',')
    .filter((one) => one.trim() !== '')
    .map((one) => {
      const [dependency = '', versionText = ''] = one.trim().split(':');
      const version = parseVersion(versionText);
      if (dependency === '' || version === undefined) {
        throw new ImportProblem(`Extension Package [${name}] has an invalid dependsOn [${text}]`);
      }
      return { name: dependency, version };
    });
}

function readResources(root: XmlElement, element: XmlElement): Set<ResourceKind> {
  const found = new Set<ResourceKind>();
  const files = [
    ...element.path('JarResources', 'FileResource'),
    ...element.path('WebAppResources', 'FileResource'),
    ...root.path('Widgets', 'Widget', 'UIResources', 'FileResource'),
  ];
  for (const file of files) {
    const kinds: Record<string, ResourceKind> = {
      JAR: 'allowJarResources',
      JS: 'allowJavascriptResources',
      CSS: 'allowCSSResources',
      JSON: 'allowJSONResources',
      WEBAPP: 'allowWebAppResources',
    };
    const kind = kinds[(file.attribute('type') ?? '').toUpperCase()];
    if (kind !== undefined) {
      found.add(kind);
    }
  }
  const extensible = [
    'ThingPackages',
    'Resources',
    'Subsystems',
    'Authenticators',
    'DirectoryServices',
    'Widgets',
  ];
  if (extensible.some((tag) => root.first(tag) !== undefined)) {
    found.add('allowExtensibleEntities');
  }
  return found;
}
