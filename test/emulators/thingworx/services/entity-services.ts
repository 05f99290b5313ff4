import { createThing, deleteEntity } from './model-changes.ts';
import { native, type PlatformService, text } from './native.ts';

/** Resource EntityServices: creates, changes and deletes entities. */
export const entityServices: PlatformService[] = [
  native(
    'CreateThing',
    'name:STRING! description:STRING thingTemplateName:THINGTEMPLATENAME! projectName:PROJECTNAME tags:TAGS ownerUserName:USERNAME',
    'NOTHING',
    (args, context) => {
      createThing(context, {
        name: text(args, 'name'),
        description: text(args, 'description'),
        thingTemplate: text(args, 'thingTemplateName'),
        projectName: text(args, 'projectName'),
        tags: args.tags ?? null,
        owner: text(args, 'ownerUserName'),
      });
      return null;
    },
  ),
  native('DeleteThing', 'name:THINGNAME!', 'NOTHING', (args, context) => {
    deleteEntity(context, 'Things', text(args, 'name'));
    return null;
  }),
];
