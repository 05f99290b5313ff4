import type { Platform } from '../platform.ts';
import { type ReadEntity, readCollections, readEntities } from '../xml/entities.ts';
import { readArchive } from './archive.ts';
import { label } from './importer.ts';
import { type PackageDescription, type ResourceKind, readPackage } from './package.ts';
import { ImportProblem, ImportReport } from './report.ts';
import type { ScriptCheck } from './script-check.ts';

/** Extension import policy of platform-settings.json. On the platform everything is off by default. */
export interface ImportPolicy {
  importEnabled: boolean;
  allowEntities: boolean;
  allowExtensibleEntities: boolean;
  allowJarResources: boolean;
  allowJavascriptResources: boolean;
  allowCSSResources: boolean;
  allowJSONResources: boolean;
  allowWebAppResources: boolean;
}

export interface InstalledPackage {
  description: PackageDescription;
  /** `Collection/name` of every entity. */
  entities: Set<string>;
  /** Files below `ui/`, by their path in the package; served to logged-in users. */
  files: Map<string, Buffer>;
  /** The archive, kept so that a restart can bring the package back. */
  bytes: Buffer;
}

/** A package that was read, with its entities. */
export interface StagedPackage extends InstalledPackage {
  read: ReadEntity[];
  report: ImportReport;
}

/** Reads extension archives, under the import policy. */
export class PackageReader {
  readonly policy: ImportPolicy;
  private readonly platform: Platform;
  private readonly checkScript: ScriptCheck;

  constructor(platform: Platform, policy: ImportPolicy, checkScript: ScriptCheck) {
    this.platform = platform;
    this.policy = policy;
    this.checkScript = checkScript;
  }

  /** Reads an extension, or all extensions of a zip of zips, in the order of their dependencies. */
  async stage(bytes: Buffer, ignorePolicy = false): Promise<StagedPackage[]> {
    if (!this.policy.importEnabled && !ignorePolicy) {
      throw new ImportProblem('Import of extensions is disabled by the extension package import policy');
    }
    const files = await readArchive(bytes);
    if (files.has('metadata.xml')) {
      return [this.read(files, bytes, ignorePolicy)];
    }
    const inner = [...files].filter(([name]) => name.toLowerCase().endsWith('.zip'));
    if (inner.length === 0) {
      throw new ImportProblem('The archive has no metadata.xml at its root');
    }
    const staged: StagedPackage[] = [];
    for (const [, content] of inner) {
      const innerFiles = await readArchive(content);
      if (!innerFiles.has('metadata.xml')) {
        throw new ImportProblem('The archive has no metadata.xml at its root');
      }
      staged.push(this.read(innerFiles, content, ignorePolicy));
    }
    return sortByDependency(staged);
  }

  read(files: Map<string, Buffer>, bytes: Buffer, ignorePolicy: boolean): StagedPackage {
    const description = readPackage(files.get('metadata.xml') ?? Buffer.alloc(0));
    const report = new ImportReport(`${description.name} ${description.version.text}`);
    const options = { report, checkScript: this.checkScript };
    const read = readCollections(description.root, options);
    const ui = new Map<string, Buffer>();
    const used = new Set<ResourceKind>(description.resources);
    for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (name.includes('\\')) {
        report.loss('ENTRY_IGNORED', name, 'A backslash is no folder separator: the file is ignored');
      } else if (name.startsWith('Entities/') && name.toLowerCase().endsWith('.xml')) {
        read.push(...readEntities(content.toString('utf8'), name, options));
      } else if (name.startsWith('ui/') && !name.split('/').includes('..')) {
        ui.set(name, content);
        this.noteUndeclared(name, used);
      } else if (name.startsWith('lib/') && name.toLowerCase().endsWith('.jar')) {
        used.add('allowJarResources');
      } else if (name !== 'metadata.xml' && this.platform.switches.extraFiles === 'refuse') {
        throw new ImportProblem(
          `Extension Package [${description.name}] has a file of no known kind: ${name}`,
        );
      }
    }
    if (!ignorePolicy) {
      this.applyPolicy(description.name, read.length, used);
    }
    return {
      description,
      entities: new Set(read.map(({ entity }) => label(entity))),
      files: ui,
      bytes,
      read,
      report,
    };
  }

  private noteUndeclared(name: string, used: Set<ResourceKind>): void {
    if (this.platform.switches.policyCoversUndeclaredFiles) {
      const kinds: Record<string, ResourceKind> = {
        js: 'allowJavascriptResources',
        css: 'allowCSSResources',
        json: 'allowJSONResources',
      };
      const kind = kinds[name.slice(name.lastIndexOf('.') + 1).toLowerCase()];
      if (kind !== undefined) {
        used.add(kind);
      }
    }
  }

  private applyPolicy(name: string, entities: number, used: Set<ResourceKind>): void {
    const refused = [...used].filter((kind) => !this.policy[kind]);
    if (entities > 0 && !this.policy.allowEntities) {
      refused.push('allowEntities' as ResourceKind);
    }
    if (refused.length > 0) {
      throw new ImportProblem(
        `Extension Package [${name}] is refused by the extension package import policy: ${refused.join(', ')}`,
      );
    }
  }
}

function sortByDependency(packages: StagedPackage[]): StagedPackage[] {
  const sorted: StagedPackage[] = [];
  const visit = (one: StagedPackage, path: readonly StagedPackage[]) => {
    if (sorted.includes(one) || path.includes(one)) {
      return;
    }
    for (const dependency of one.description.dependsOn) {
      const other = packages.find((candidate) => candidate.description.name === dependency.name);
      if (other !== undefined) {
        visit(other, [...path, one]);
      }
    }
    sorted.push(one);
  };
  for (const one of packages) {
    visit(one, []);
  }
  return sorted;
}
