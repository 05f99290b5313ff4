import type { Extensions, ReportRow } from '../import/extensions.ts';
import { packageRow } from '../import/extensions.ts';
import { Importer } from '../import/importer.ts';
import { ImportProblem, ImportReport, type LossList } from '../import/report.ts';
import type { ScriptCheck } from '../import/script-check.ts';
import { InfoTable, type InfoTableRow } from '../infotable.ts';
import { builtInFields } from '../model/builtin-shapes.ts';
import { type Entity, isCollection } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import type { FileRepository } from '../runtime/repositories.ts';
import { PlatformError } from '../values.ts';
import { readEntities } from '../xml/entities.ts';
import { exportDocument } from '../xml/export.ts';
import { methodNotAllowed } from './entities.ts';
import type { Exchange } from './exchange.ts';

const uploadLimitBytes = 512 * 1024 * 1024;

/** Import and export: extensions, single entities, and the files that extensions serve. */
export class TransferRoutes {
  private readonly platform: Platform;
  private readonly extensions: Extensions;
  private readonly losses: LossList;
  private readonly checkScript: ScriptCheck;

  constructor(platform: Platform, extensions: Extensions, losses: LossList, checkScript: ScriptCheck) {
    this.platform = platform;
    this.extensions = extensions;
    this.losses = losses;
    this.checkScript = checkScript;
  }

  /** True when the address is one of these. */
  async handle(exchange: Exchange): Promise<boolean> {
    switch (exchange.segments[0]) {
      case 'ExtensionPackageUploader':
        await this.uploadExtension(exchange);
        return true;
      case 'Importer':
        await this.importEntities(exchange);
        return true;
      case 'Exporter':
        this.exportEntities(exchange);
        return true;
      case 'FileRepositories':
        this.repositoryFile(exchange);
        return true;
      case 'FileRepositoryUploader':
        await this.uploadFiles(exchange);
        return true;
      case 'Common':
        return this.extensionFile(exchange);
      default:
        return false;
    }
  }

  private async uploadExtension(exchange: Exchange): Promise<void> {
    if (exchange.method !== 'POST') {
      throw methodNotAllowed();
    }
    this.platform.permissions.requireAdministrator(exchange.user, 'ExtensionPackageUploader');
    const file = await filePart(await readForm(exchange), ['file', 'upload', 'File']);
    if (file === undefined) {
      throw new PlatformError('Not Acceptable', { status: 406 });
    }
    const validateOnly = exchange.query.get('validate') === 'true';
    const report = await this.extensions.upload(file, validateOnly, exchange.user);
    const rows: InfoTableRow[] = [{ validate: reportTable(report.validate) }];
    if (!validateOnly) {
      rows.push({ install: reportTable(report.install) });
    }
    const fields = ['validate', 'install'].map((name, ordinal) => ({
      name,
      description: name,
      baseType: 'INFOTABLE' as const,
      ordinal,
      aspects: { dataShape: 'ExtensionReportDataShape' },
    }));
    exchange.sendJson(new InfoTable(fields, rows).toJSON());
  }

  private async importEntities(exchange: Exchange): Promise<void> {
    if (exchange.method !== 'POST') {
      throw methodNotAllowed();
    }
    this.requireBasic(exchange);
    this.platform.permissions.requireAdministrator(exchange.user, 'Importer');
    const form = await readForm(exchange);
    const bytes = await filePart(form, ['file']);
    const report = new ImportReport('Importer');
    if (bytes === undefined) {
      const names = [...form.keys()].join(', ');
      report.loss('PART_IGNORED', '', `The upload has no part named file, but ${names || 'none'}`);
      this.importSucceeded(exchange, report);
      return;
    }
    const options = {
      extension: '',
      overwritePropertyValues: exchange.query.get('overwritePropertyValues') === 'true',
      overwriteConfigurationTableValues: exchange.query.get('overwriteConfigurationTableValues') !== 'false',
      principal: exchange.user,
    };
    try {
      const importer = new Importer(this.platform);
      const read = readEntities(bytes.toString('utf8'), 'file', { report, checkScript: this.checkScript });
      importer.check(read, report, options);
      importer.apply(read, report, options);
    } catch (error) {
      if (error instanceof ImportProblem) {
        this.platform.logs.write('ApplicationLog', {
          level: 'ERROR',
          content: error.message,
          origin: 'c.t.webservices.Importer',
        });
        throw new PlatformError('Not Acceptable', { status: 406, cause: error });
      }
      throw error;
    }
    this.importSucceeded(exchange, report);
  }

  private importSucceeded(exchange: Exchange, report: ImportReport): void {
    for (const loss of report.losses) {
      this.losses.add(loss);
    }
    exchange.send(200, 'text/plain; charset=UTF-8', 'success');
  }

  /** An application key is not accepted here. */
  private requireBasic(exchange: Exchange): void {
    if (exchange.loginMethod === 'appKey') {
      throw new PlatformError('Unauthorized', { status: 401 });
    }
  }

  /** One entity, a collection, or a project. A missing entity gives an empty export, not an error. */
  private exportEntities(exchange: Exchange): void {
    if (exchange.method !== 'GET') {
      throw methodNotAllowed();
    }
    const [, collection, name] = exchange.segments;
    const project = exchange.query.get('projectName');
    const found: Entity[] = [];
    for (const entity of this.platform.store.everything()) {
      const wanted =
        !entity.isSystemObject &&
        (collection === undefined || collection === '' || entity.collection === collection) &&
        (name === undefined || name === '' || entity.name === name) &&
        (project === null || project === '' || entity.projectName === project) &&
        this.platform.permissions.isVisible(entity, exchange.user);
      if (wanted) {
        found.push(entity);
      }
    }
    if (collection !== undefined && collection !== '' && !isCollection(collection)) {
      throw new PlatformError(`Entity Not Found : [${collection}]`, { status: 404 });
    }
    exchange.send(200, 'text/xml; charset=UTF-8', exportDocument(this.platform, found));
  }

  /** `/FileRepositories/<Thing>/<path>`: a download, for those who may load files with a service. */
  private repositoryFile(exchange: Exchange): void {
    const [, name = '', ...path] = exchange.segments;
    if (exchange.method !== 'GET') {
      throw methodNotAllowed();
    }
    const repository = this.repository(exchange, name, 'LoadBinary');
    try {
      exchange.send(200, mediaType(path.at(-1) ?? ''), repository.read(path.join('/')).bytes);
    } catch (error) {
      if (error instanceof PlatformError) {
        throw new PlatformError(error.message, { status: 404, cause: error });
      }
      throw error;
    }
  }

  /** Parts `upload-repository`, `upload-path` and `upload-files`, as Composer's form has them. */
  private async uploadFiles(exchange: Exchange): Promise<void> {
    if (exchange.method !== 'POST') {
      throw methodNotAllowed();
    }
    const form = await readForm(exchange);
    const repository = this.repository(exchange, String(form.get('upload-repository') ?? ''), 'SaveBinary');
    for (const part of form.getAll('upload-files')) {
      if (typeof part !== 'string') {
        const path = `${String(form.get('upload-path') ?? '')}/${part.name}`;
        repository.write(path, Buffer.from(await part.arrayBuffer()));
      }
    }
    exchange.sendNothing();
  }

  private repository(exchange: Exchange, name: string, service: string): FileRepository {
    const { platform } = this;
    const thing = platform.visible('Things', name, exchange.user);
    if (!platform.inheritance.thing(thing).templates.includes('FileRepository')) {
      throw new PlatformError(`Entity Not Found : [${name}]`, { status: 404 });
    }
    platform.permissions.require(thing, 'ServiceInvoke', service, exchange.user, false);
    return platform.repositories.of(name);
  }

  /** `/Common/extensions/<package>/ui/...`: files of extensions, for every logged-in user. */
  private extensionFile(exchange: Exchange): boolean {
    const [, folder, name = '', ...path] = exchange.segments;
    const file =
      folder === 'extensions' ? this.extensions.installed.get(name)?.files.get(path.join('/')) : undefined;
    if (file === undefined || exchange.method !== 'GET') {
      return false;
    }
    exchange.send(200, mediaType(path.at(-1) ?? ''), file);
    return true;
  }
}

function reportTable(rows: readonly ReportRow[]): InfoTable {
  const table = new InfoTable(builtInFields('ExtensionReportDataShape'));
  for (const { description, status, message } of rows) {
    const dependencies = new InfoTable(builtInFields('ExtensionPackage'));
    for (const dependency of description.dependsOn) {
      dependencies.rows.push({ name: dependency.name, packageVersion: dependency.version.text });
    }
    table.rows.push({
      extensionPackage: new InfoTable(builtInFields('ExtensionPackage'), [packageRow(description)]),
      extensionDependencies: dependencies,
      extensionReportStatus: status,
      reportMessage: message,
      extensionException: '',
    });
  }
  return table;
}

async function readForm(exchange: Exchange): Promise<FormData> {
  const body = await exchange.body(uploadLimitBytes);
  const contentType = exchange.header('content-type') ?? '';
  if (contentType.startsWith('multipart/form-data')) {
    try {
      return await new Response(new Uint8Array(body), {
        headers: { 'content-type': contentType },
      }).formData();
    } catch {
      // Answered below like any other body that is no form.
    }
  }
  throw new PlatformError('Not Acceptable', { status: 406 });
}

/** The uploaded file; parts with other names are ignored. */
async function filePart(form: FormData, names: readonly string[]): Promise<Buffer | undefined> {
  for (const name of names) {
    const part = form.get(name);
    if (part !== null && typeof part !== 'string') {
      return Buffer.from(await part.arrayBuffer());
    }
  }
  return undefined;
}

function mediaType(name: string): string {
  const types: Record<string, string> = {
    js: 'text/javascript; charset=UTF-8',
    css: 'text/css; charset=UTF-8',
    json: 'application/json; charset=UTF-8',
    html: 'text/html; charset=UTF-8',
    svg: 'image/svg+xml',
    png: 'image/png',
    txt: 'text/plain; charset=UTF-8',
    xml: 'text/xml; charset=UTF-8',
  };
  return types[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
}
