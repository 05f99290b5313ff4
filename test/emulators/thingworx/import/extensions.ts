import type { InfoTable } from '../infotable.ts';
import type { Entity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { removeEntity, requireUnused, usersOf } from '../services/model-changes.ts';
import { PlatformError } from '../values.ts';
import { Importer, type ImportOptions, label } from './importer.ts';
import { compareVersions, type PackageDescription, parseVersion, type Version } from './package.ts';
import type { InstalledPackage, PackageReader, StagedPackage } from './package-reader.ts';
import { ImportProblem, type LossList } from './report.ts';

export type ReportStatus = 0 | 1 | 2 | 3;

/** One row of the uploader's report. */
export interface ReportRow {
  description: PackageDescription;
  /** 0 done, 1 failed, 2 warning, 3 alert. */
  status: ReportStatus;
  message: string;
}

export interface UploadReport {
  validate: ReportRow[];
  install: ReportRow[];
}

const origin = 'c.t.webservices.ExtensionPackageUploader';

/** Installed extension packages: import, upgrade, removal. */
export class Extensions {
  readonly installed = new Map<string, InstalledPackage>();
  /** Major upgrades that wait for a restart. */
  readonly queued = new Map<string, StagedPackage>();
  private readonly platform: Platform;
  private readonly importer: Importer;
  private readonly losses: LossList;
  private readonly reader: PackageReader;

  constructor(platform: Platform, reader: PackageReader, losses: LossList) {
    this.platform = platform;
    this.reader = reader;
    this.importer = new Importer(platform);
    this.losses = losses;
  }

  /**
   * Imports an extension, or a zip of extensions, or only checks it.
   *
   * @throws PlatformError 406 with the reason in ApplicationLog
   */
  async upload(bytes: Buffer, validateOnly: boolean, principal: string): Promise<UploadReport> {
    try {
      const staged = await this.reader.stage(bytes);
      const validate: ReportRow[] = [];
      const install: ReportRow[] = [];
      for (const one of staged) {
        const plan = this.plan(one, staged, principal);
        validate.push(plan);
        if (!validateOnly) {
          install.push(this.install(one, plan, principal));
        }
      }
      return { validate, install };
    } catch (error) {
      if (error instanceof ImportProblem) {
        this.platform.logs.write('ApplicationLog', { level: 'ERROR', content: error.message, origin });
        throw new PlatformError('Not Acceptable', { status: 406, cause: error });
      }
      throw error;
    }
  }

  /** Decides what happens to a package; throws when it is refused. */
  private plan(one: StagedPackage, all: readonly StagedPackage[], principal: string): ReportRow {
    const { description } = one;
    const { name, version } = description;
    const minimum = parseVersion(description.minimumThingWorxVersion);
    const own = parseVersion(this.platform.version);
    if (minimum !== undefined && own !== undefined && compareVersions(minimum, own) > 0) {
      throw new ImportProblem(
        `Extension Package [${name}] requires ThingWorx ${minimum.text}, this is ${own.text}`,
      );
    }
    for (const dependency of description.dependsOn) {
      this.requireDependency(name, dependency, all);
    }
    const present = this.installed.get(name);
    const comparison = present === undefined ? 1 : compareVersions(version, present.description.version);
    if (present !== undefined) {
      this.checkUpgrade(one, present, comparison);
    }
    const others = new Set(all.flatMap((other) => [...other.entities]));
    this.importer.check(one.read, one.report, this.importOptions(name, principal), others);
    const waitsFor = description.dependsOn.some((dependency) => this.queued.has(dependency.name));
    if (waitsFor || (present !== undefined && version.major > present.description.version.major)) {
      return {
        description,
        status: 3,
        message: `Extension ${name} is queued for installation on the next server restart`,
      };
    }
    return comparison === 0
      ? { description, status: 2, message: `Extension ${name} ${version.text} is installed again` }
      : { description, status: 0, message: '' };
  }

  private requireDependency(
    name: string,
    dependency: { name: string; version: Version },
    all: readonly StagedPackage[],
  ): void {
    const found =
      this.installed.get(dependency.name)?.description ??
      all.find((other) => other.description.name === dependency.name)?.description;
    if (found === undefined || compareVersions(found.version, dependency.version) < 0) {
      throw new ImportProblem(
        `Extension Package [${name}] depends on [${dependency.name}:${dependency.version.text}], which is not installed`,
      );
    }
  }

  private checkUpgrade(one: StagedPackage, present: InstalledPackage, comparison: number): void {
    const { name } = one.description;
    if (comparison < 0) {
      throw new ImportProblem(`A newer version of ${name} is already installed`);
    }
    if (comparison === 0 && this.platform.switches.sameVersion === 'refuse') {
      throw new ImportProblem(`The same version of ${name} is already installed`);
    }
    const changed: string[] = [];
    for (const { entity } of one.read) {
      const existing: Entity | undefined = this.platform.store.get(entity.collection, entity.name);
      if (existing !== undefined && templateOf(existing) !== templateOf(entity)) {
        changed.push(entity.name);
      }
    }
    if (changed.length > 0) {
      throw new ImportProblem(
        `Cannot update existing Extension Package [${name}] because it is trying to change the template of the following Entities:[${changed.join(', ')}]`,
      );
    }
    for (const gone of present.entities) {
      if (!one.entities.has(gone)) {
        this.requireRemovable(gone, present.entities);
      }
    }
  }

  /** The entity behind a key `<Collection>/<name>`. */
  entity(key: string): Entity | undefined {
    const slash = key.indexOf('/');
    return this.platform.store.get(key.slice(0, slash) as Entity['collection'], key.slice(slash + 1));
  }

  private requireRemovable(key: string, leaving: ReadonlySet<string>): void {
    const entity = this.entity(key);
    if (entity === undefined) {
      return;
    }
    try {
      requireUnused(this.platform, entity, leaving);
    } catch (error) {
      throw new ImportProblem(error instanceof Error ? error.message : String(error));
    }
  }

  private importOptions(name: string, principal: string): ImportOptions {
    const overwrite = this.platform.switches.upgradeOverwritesValues;
    return {
      extension: name,
      overwritePropertyValues: overwrite,
      overwriteConfigurationTableValues: overwrite,
      principal,
    };
  }

  private install(one: StagedPackage, plan: ReportRow, principal: string): ReportRow {
    const { name } = one.description;
    if (plan.status === 3) {
      this.queued.set(name, one);
      this.platform.logs.write('ApplicationLog', { level: 'WARN', content: plan.message, origin });
      return plan;
    }
    this.apply(one, principal);
    return { ...plan, message: plan.message || 'Extension installed successfully' };
  }

  private apply(one: StagedPackage, principal: string): void {
    const { name, version } = one.description;
    const present = this.installed.get(name);
    this.importer.apply(one.read, one.report, this.importOptions(name, principal));
    if (present !== undefined) {
      this.importer.remove([...present.entities].filter((key) => !one.entities.has(key)));
    }
    const { description, entities, files, bytes } = one;
    this.installed.set(name, { description, entities, files, bytes });
    for (const loss of one.report.losses) {
      this.losses.add(loss);
    }
    this.platform.journal?.extension(name, bytes);
    this.platform.logs.write('ApplicationLog', {
      level: 'INFO',
      content: `Extension ${name} ${version.text} installed`,
      origin,
      user: principal,
    });
  }

  /** What a server restart does with the queue. */
  installQueued(): void {
    for (const one of [...this.queued.values()]) {
      this.queued.delete(one.description.name);
      try {
        this.apply(one, 'SuperUser');
      } catch (error) {
        if (!(error instanceof ImportProblem)) {
          throw error;
        }
        this.platform.logs.write('ApplicationLog', { level: 'ERROR', content: error.message, origin });
      }
    }
  }

  /** Takes a package over from the journal: its entities are in the model already. */
  async restore(bytes: Buffer): Promise<void> {
    const [staged] = await this.reader.stage(bytes, true);
    if (staged !== undefined) {
      const { description, entities, files } = staged;
      this.installed.set(description.name, { description, entities, files, bytes });
    }
  }

  /** Removes a package with its entities. Refused while others need it. */
  delete(name: string): void {
    const present = this.installed.get(name);
    if (present === undefined) {
      throw new PlatformError(`Extension Package [${name}] is not installed`);
    }
    for (const other of this.installed.values()) {
      if (other.description.dependsOn.some((dependency) => dependency.name === name)) {
        throw new PlatformError(
          `Extension Package [${name}] cannot be deleted: [${other.description.name}] depends on it`,
        );
      }
    }
    const users = this.usedBy(name);
    if (users.length > 0) {
      const names = users.slice(0, 10).map(({ user }) => user.name);
      throw new PlatformError(
        `Extension Package [${name}] cannot be deleted because it is in use by [${names.join(', ')}]`,
      );
    }
    for (const key of present.entities) {
      const entity = this.entity(key);
      if (entity !== undefined) {
        removeEntity(this.platform, entity);
      }
    }
    this.installed.delete(name);
    this.queued.delete(name);
    this.platform.journal?.extensionRemoved(name);
  }

  /** Entities from outside the package that use its templates and shapes. */
  usedBy(name: string): { used: Entity; user: Entity }[] {
    const present = this.installed.get(name);
    const found: { used: Entity; user: Entity }[] = [];
    for (const key of present?.entities ?? []) {
      const entity = this.entity(key);
      for (const user of entity === undefined ? [] : usersOf(this.platform, entity)) {
        if (present !== undefined && !present.entities.has(label(user)) && entity !== undefined) {
          found.push({ used: entity, user });
        }
      }
    }
    return found;
  }

  list(): InfoTable {
    const table = this.platform.table('ExtensionPackage');
    for (const { description } of this.installed.values()) {
      table.rows.push(packageRow(description));
    }
    return table;
  }
}

export function packageRow(description: PackageDescription) {
  return {
    name: description.name,
    packageVersion: description.version.text,
    vendor: description.vendor,
    description: description.description,
    minimumThingWorxVersion: description.minimumThingWorxVersion,
    buildNumber: description.buildNumber,
    artifactId: description.artifactId,
    groupId: description.groupId,
  };
}

function templateOf(entity: Entity): string {
  return entity.collection === 'Things'
    ? entity.thingTemplate
    : entity.collection === 'ThingTemplates'
      ? entity.baseThingTemplate
      : '';
}
