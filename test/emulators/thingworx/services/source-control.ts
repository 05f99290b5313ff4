import { writeArchive } from '../import/archive.ts';
import { Importer } from '../import/importer.ts';
import { ImportProblem, ImportReport, type LossList } from '../import/report.ts';
import type { ScriptCheck } from '../import/script-check.ts';
import { type Collection, type Entity, isCollection, type ThingEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { PlatformError } from '../values.ts';
import { type ReadEntity, readEntities } from '../xml/entities.ts';
import { exportForSourceControl } from '../xml/export.ts';
import {
  bool,
  date,
  native,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';
import { hasTags } from './queries.ts';

/**
 * Resource SourceControlFunctions: entities of a project as one file each in a file repository, and back. `includeDependents` is not looked
 * at. `name`, the folder of the export, is what a public client sends; the typings do not have it.
 */
export function sourceControlServices(checkScript: ScriptCheck, losses: LossList): PlatformService[] {
  const exportParameters =
    'repositoryName:THINGNAME! path:STRING name:STRING projectName:PROJECTNAME collection:STRING tags:TAGS startDate:DATETIME endDate:DATETIME includeDependents:BOOLEAN exportMatchingModelTags:BOOLEAN';
  return [
    native('ExportSourceControlledEntities', exportParameters, 'NOTHING', (args, context) => {
      const repository = context.platform.repositories.of(repositoryOf(args, context).name);
      const folder = `${text(args, 'path')}/${text(args, 'name') || text(args, 'projectName')}`;
      repository.addFolder(folder);
      for (const [path, xml] of exported(args, context)) repository.write(`${folder}/${path}`, xml);
      return null;
    }),
    native(
      'ExportSourceControlledEntitiesToZipFile',
      exportParameters,
      'HYPERLINK',
      async (args, context) => {
        const { name } = repositoryOf(args, context);
        const file = `${text(args, 'name') || text(args, 'projectName')}.zip`;
        const path = `${text(args, 'path')}/${file}`;
        context.platform.repositories.of(name).write(path, await writeArchive(exported(args, context)));
        return `/Thingworx/FileRepositories/${name}/${path}`.replace(/\/+/g, '/');
      },
    ),
    native(
      'ImportSourceControlledEntities',
      'repositoryName:THINGNAME! path:STRING useDefaultDataProvider:BOOLEAN withSubsystems:BOOLEAN overwritePropertyValues:BOOLEAN includeDependents:BOOLEAN entityFilter:INFOTABLE',
      'NOTHING',
      (args, context) => {
        const { platform, principal } = context;
        platform.permissions.requireAdministrator(principal, 'ImportSourceControlledEntities');
        const files = platform.repositories.of(repositoryOf(args, context).name).below(text(args, 'path'));
        const documents = files.filter(([path]) => path.endsWith('.xml'));
        importDocuments(
          platform,
          documents.map(([path, { bytes }]) => [path, bytes.toString('utf8')]),
          {
            checkScript,
            losses,
            principal,
            overwritePropertyValues: bool(args, 'overwritePropertyValues'),
          },
        );
        return null;
      },
    ),
  ];
}

function repositoryOf(args: ServiceArguments, { platform, principal }: ServiceContext): ThingEntity {
  const thing = platform.visible('Things', text(args, 'repositoryName'), principal);
  if (!platform.inheritance.thing(thing).templates.includes('FileRepository')) {
    throw new PlatformError(`Thing [${thing.name}] is not a FileRepository`);
  }
  return thing;
}

/** `<Collection>/<name>.xml` to its XML. */
function exported(args: ServiceArguments, { platform, principal }: ServiceContext): Map<string, Buffer> {
  const project = text(args, 'projectName');
  if (project !== '') platform.visible('Projects', project, principal);
  const collection = text(args, 'collection');
  if (collection !== '' && !isCollection(collection)) {
    throw new PlatformError(`Collection [${collection}] does not exist`);
  }
  const [start, end] = [date(args, 'startDate'), date(args, 'endDate')];
  const wanted = (entity: Entity) =>
    !entity.isSystemObject &&
    (project === '' || entity.projectName === project || isProject(entity, project)) &&
    (collection === '' || entity.collection === (collection as Collection)) &&
    (start === undefined || entity.lastModified >= start) &&
    (end === undefined || entity.lastModified <= end) &&
    hasTags(entity, args.tags) &&
    platform.permissions.isVisible(entity, principal);
  return new Map(
    [...platform.store.everything()]
      .filter(wanted)
      .map((entity) => [
        `${entity.collection}/${entity.name}.xml`,
        Buffer.from(exportForSourceControl(platform, entity)),
      ]),
  );
}

function isProject(entity: Entity, name: string): boolean {
  return entity.collection === 'Projects' && entity.name === name;
}

interface ImportContext {
  checkScript: ScriptCheck;
  losses: LossList;
  principal: string;
  overwritePropertyValues: boolean;
}

/** All documents are one import: they may refer to each other. */
function importDocuments(
  platform: Platform,
  documents: readonly [string, string][],
  context: ImportContext,
): void {
  const { checkScript, losses, principal, overwritePropertyValues } = context;
  const report = new ImportReport('SourceControlFunctions');
  const options = {
    extension: '',
    overwritePropertyValues,
    overwriteConfigurationTableValues: true,
    principal,
  };
  const importer = new Importer(platform);
  try {
    const entities: ReadEntity[] = documents.flatMap(([path, xml]) =>
      readEntities(xml, path, { report, checkScript }),
    );
    importer.check(entities, report, options);
    importer.apply(entities, report, options);
  } catch (error) {
    if (error instanceof ImportProblem) throw new PlatformError(error.message, { cause: error });
    throw error;
  }
  for (const loss of report.losses) losses.add(loss);
}
