import { convert } from '../base-types.ts';
import type { Tag } from '../values.ts';
import { describeEntity, metadata } from './describe.ts';
import { requireDesign, requireProject, tagText } from './model-changes.ts';
import { missingParameter, native, type PlatformService, type ServiceContext, text } from './native.ts';

function changed(context: ServiceContext): null {
  context.entity.lastModified = new Date();
  context.platform.store.put(context.entity);
  return null;
}

function tags(context: ServiceContext): Tag[] {
  return (convert(context.entity.tags, 'TAGS') ?? []) as Tag[];
}

const sameTag = (a: Tag) => (b: Tag) =>
  a.vocabulary === b.vocabulary && a.vocabularyTerm === b.vocabularyTerm;

/** Services of every entity. */
export const commonServices: PlatformService[] = [
  native('GetDescription', '', 'STRING', (_args, { entity }) => entity.description),
  native('SetDescription', 'description:STRING', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.description = text(args, 'description');
    return changed(context);
  }),
  native('GetTags', '', 'TAGS', (_args, context) => tags(context)),
  native('GetTagsAsInfoTable', '', 'INFOTABLE:VocabularyTermList', (_args, context) => {
    const table = context.platform.table('VocabularyTermList');
    table.rows.push(...tags(context).map((tag) => ({ ...tag })));
    return table;
  }),
  native('SetTags', 'tags:TAGS', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.tags = tagText(args.tags ?? null);
    return changed(context);
  }),
  native('AddTags', 'tags:TAGS!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    const given = Array.isArray(args.tags) ? (args.tags as Tag[]) : [];
    const kept = tags(context).filter((one) => !given.some(sameTag(one)));
    context.entity.tags = tagText([...kept, ...given]);
    return changed(context);
  }),
  native('RemoveTags', 'tags:TAGS!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    const given = Array.isArray(args.tags) ? (args.tags as Tag[]) : [];
    context.entity.tags = tagText(tags(context).filter((one) => !given.some(sameTag(one))));
    return changed(context);
  }),
  native('GetProjectName', '', 'STRING', (_args, { entity }) => entity.projectName),
  native('SetProjectName', 'projectName:PROJECTNAME!', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.projectName = requireProject(context.platform, text(args, 'projectName'));
    return changed(context);
  }),
  native('GetHomeMashup', '', 'MASHUPNAME', (_args, { entity }) => entity.homeMashup),
  native('SetHomeMashup', 'name:MASHUPNAME', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.homeMashup = text(args, 'name');
    return changed(context);
  }),
  native('GetOwner', '', 'USERNAME', (_args, { platform, entity, principal }) => {
    platform.permissions.requireAdministrator(principal, `ServiceInvoke on GetOwner in ${entity.name}`);
    return entity.owner;
  }),
  native('SetOwner', 'name:USERNAME!', 'NOTHING', (args, context) => {
    const { platform, entity, principal } = context;
    platform.permissions.requireAdministrator(principal, `ServiceInvoke on SetOwner in ${entity.name}`);
    if (!context.platform.store.has('Users', text(args, 'name'))) {
      throw missingParameter('SetOwner', context.entity.name);
    }
    context.entity.owner = text(args, 'name');
    return changed(context);
  }),
  native('GetLastModifiedDate', '', 'DATETIME', (_args, { entity }) => entity.lastModified),
  native('GetSummaryInformation', '', 'INFOTABLE:EntitySummary', (_args, context) => {
    const { entity } = context;
    const table = context.platform.table('EntitySummary');
    table.rows.push({
      name: entity.name,
      description: entity.description,
      homeMashup: entity.homeMashup,
      tags: tags(context),
      isSystemObject: entity.isSystemObject,
    });
    return table;
  }),
  native('GetMetadataAsJSON', '', 'JSON', (_args, { platform, entity }) => metadata(platform, entity)),
  native('GetInstanceMetadataAsJSON', '', 'JSON', (_args, { platform, entity, principal }) =>
    describeEntity(platform, entity, principal),
  ),
];
