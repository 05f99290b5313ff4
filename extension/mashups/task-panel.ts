import { type Call, grid, row } from './definition.ts';
import { hubOf } from './frame.ts';

type TaskList = 'ListTasks' | 'ListImports';

/** What `taskPanel` shows: the tasks of the hub that is chosen, and the report of the selected one. */
export function taskCalls(list: TaskList = 'ListTasks'): Readonly<Record<string, Call>> {
  return {
    [list]: { bind: hubOf, onSelection: ['GetTaskReport'] },
    GetTaskReport: { bind: { ...hubOf, task: `${list}.selected.id` } },
  };
}

/** Background tasks beside the report of the selected one. */
export function taskPanel(
  id: string,
  words: {
    readonly task: string;
    readonly item: string;
    readonly itemWidth: number;
    readonly report: string;
  },
  list: TaskList = 'ListTasks',
) {
  return row(
    [
      grid(id, list, 'id', [
        { field: 'createdAt', title: 'Asked for', width: 170, format: 'time' },
        { field: 'title', title: words.task },
        { field: 'state', title: 'State', width: 100 },
        { field: 'done', title: 'Done', width: 80, format: 'number' },
        { field: 'total', title: 'Of', width: 80, format: 'number' },
        { field: 'itemsPerSecond', title: 'Per second', width: 90, format: 'number' },
        { field: 'expectedEnd', title: 'Ends at', width: 170, format: 'time' },
        { field: 'error', title: 'Error' },
      ]),
      grid(
        'report',
        'GetTaskReport',
        'item',
        [
          { field: 'item', title: words.item, width: words.itemWidth },
          { field: 'outcome', title: 'Outcome', width: 110 },
          { field: 'message', title: 'Message' },
        ],
        { select: 'none', title: words.report },
      ),
    ],
    { grow: true },
  );
}
