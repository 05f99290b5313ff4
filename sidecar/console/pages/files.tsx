import { useRef, useState } from 'preact/hooks';
import { call, Problem, route, upload } from '../api.ts';
import { formatBytes, formatTime } from '../format.ts';
import { useAction, useLoaded, useScene } from '../hooks.ts';
import {
  ChangeButton,
  Confirm,
  Note,
  ProblemNote,
  Progress,
  SelectField,
  Table,
  TextField,
} from '../parts/elements.tsx';

interface Entry {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly fileType: string;
  readonly lastModifiedDate?: string;
}

/** The containers of the storage Things: folders, upload, download, delete. */
export function FilesPage() {
  const [account, setAccount] = useState('');
  const [container, setContainer] = useState('');
  const accounts = useLoaded<{ accounts: { account: string }[] }>(
    (signal) => call('GET', route(['storage']), undefined, signal),
    [],
  );
  const names = accounts.value?.accounts.map((entry) => entry.account) ?? [];
  const chosenAccount = names.includes(account) ? account : (names[0] ?? '');
  const containers = useLoaded<{ containers: { name: string }[] }>(
    chosenAccount === ''
      ? undefined
      : (signal) => call('GET', route(['storage', chosenAccount, 'containers']), undefined, signal),
    [chosenAccount],
  );
  const containerNames = containers.value?.containers.map(({ name }) => name) ?? [];
  const chosenContainer = containerNames.includes(container) ? container : (containerNames[0] ?? '');
  return (
    <>
      <ProblemNote problem={accounts.problem ?? containers.problem} />
      {accounts.value && names.length === 0 && (
        <Note tone="warning">
          No storage Thing is connected to this sidecar. In ThingWorx, create a Thing from
          AzureIoT.StorageAccount_TT, set its properties and call its service ConnectStorage.
        </Note>
      )}
      {names.length > 0 && (
        <div class="filters">
          <SelectField
            label="Storage Thing"
            value={chosenAccount}
            options={names.map((name) => [name, name] as const)}
            onChange={setAccount}
          />
          <SelectField
            label="Container"
            value={chosenContainer}
            options={containerNames.map((name) => [name, name] as const)}
            onChange={setContainer}
          />
        </div>
      )}
      {chosenContainer !== '' && (
        <Folder
          key={`${chosenAccount} ${chosenContainer}`}
          account={chosenAccount}
          container={chosenContainer}
        />
      )}
    </>
  );
}

interface ContainerProps {
  account: string;
  container: string;
}

function Folder({ account, container }: ContainerProps) {
  const { access } = useScene();
  const [path, setPath] = useState('/');
  const [folderName, setFolderName] = useState('');
  const [deleting, setDeleting] = useState<Entry>();
  const base = ['storage', account, 'containers', container];
  const list = useLoaded<{ files: Entry[] }>(
    (signal) => call('GET', route([...base, 'entries'], { path }), undefined, signal),
    [account, container, path],
  );
  const createFolder = useAction(async () => {
    await call('POST', route([...base, 'folders']), {
      parentFolderPath: path,
      folderName: folderName.trim(),
    });
    setFolderName('');
    list.reload();
  });
  const remove = useAction(async (entry: Entry) => {
    const part = isFolder(entry) ? 'folders' : 'files';
    await call('DELETE', route([...base, part], { path: entry.path }));
    setDeleting(undefined);
    list.reload();
  });
  return (
    <>
      <nav class="path" aria-label="Folder">
        {pathSteps(path).map(([step, name]) => (
          <button
            type="button"
            class="quiet-button"
            key={step}
            disabled={step === path}
            onClick={() => setPath(step)}
          >
            {name || container}
          </button>
        ))}
      </nav>
      <ProblemNote problem={list.problem ?? createFolder.problem} />
      {list.value && (
        <Table
          label={`Files in ${path}`}
          rows={list.value.files}
          keyOf={(entry) => entry.path}
          empty="The folder is empty."
          columns={[
            {
              name: 'Name',
              cell: (entry) =>
                isFolder(entry) ? (
                  <button type="button" class="link" onClick={() => setPath(entry.path)}>
                    {entry.name}/
                  </button>
                ) : (
                  <a href={blobRoute(account, container, entry.path)} download={entry.name}>
                    {entry.name}
                  </a>
                ),
            },
            {
              name: 'Size',
              numeric: true,
              cell: (entry) => (isFolder(entry) ? '' : formatBytes(entry.size)),
            },
            { name: 'Changed', cell: ({ lastModifiedDate }) => formatTime(lastModifiedDate) },
            {
              name: 'Action',
              cell: (entry) => (
                <ChangeButton
                  class="danger"
                  aria-label={`Delete ${entry.name}`}
                  onClick={() => setDeleting(entry)}
                >
                  Delete
                </ChangeButton>
              ),
            },
          ]}
        />
      )}
      {access !== 'viewer' && (
        <>
          <Uploads account={account} container={container} folder={path} onDone={list.reload} />
          <form
            class="filters"
            onSubmit={(event) => {
              event.preventDefault();
              void createFolder.run();
            }}
          >
            <TextField label="New folder" value={folderName} onInput={setFolderName} />
            <div class="buttons">
              <button type="submit" disabled={createFolder.running || folderName.trim() === ''}>
                Create folder
              </button>
            </div>
          </form>
        </>
      )}
      {deleting && (
        <Confirm
          title={isFolder(deleting) ? 'Delete folder' : 'Delete file'}
          question={
            isFolder(deleting)
              ? `Delete the folder ${deleting.path} with everything in it?`
              : `Delete the file ${deleting.path}?`
          }
          verb="Delete"
          running={remove.running}
          problem={remove.problem}
          onConfirm={() => void remove.run(deleting)}
          onClose={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}

function isFolder({ fileType }: Entry): boolean {
  return fileType === 'D';
}

/** The folders from the root to the path: [path, name] each. */
function pathSteps(path: string): (readonly [string, string])[] {
  const names = path.split('/').filter((name) => name !== '');
  return [
    ['/', ''] as const,
    ...names.map((name, index) => [`/${names.slice(0, index + 1).join('/')}`, name] as const),
  ];
}

function blobRoute(account: string, container: string, path: string): string {
  return route([
    'storage',
    account,
    'containers',
    container,
    'blobs',
    ...path.split('/').filter((part) => part !== ''),
  ]);
}

interface UploadRow {
  readonly name: string;
  readonly sent: number;
  readonly size: number;
  readonly outcome?: string;
}

function Uploads({
  account,
  container,
  folder,
  onDone,
}: ContainerProps & { folder: string; onDone: () => void }) {
  const [rows, setRows] = useState<readonly UploadRow[]>([]);
  const [overwrite, setOverwrite] = useState(false);
  const cancel = useRef<AbortController>(undefined);
  const change = (name: string, part: Partial<UploadRow>) =>
    setRows((current) => current.map((row) => (row.name === name ? { ...row, ...part } : row)));
  const start = async (files: readonly File[]) => {
    const abort = new AbortController();
    cancel.current = abort;
    setRows(files.map(({ name, size }) => ({ name, size, sent: 0 })));
    for (const file of files) {
      if (abort.signal.aborted) {
        change(file.name, { outcome: 'cancelled' });
        continue;
      }
      try {
        const path = blobRoute(account, container, `${folder}/${file.name}`);
        const headers: Record<string, string> = overwrite ? {} : { 'If-None-Match': '*' };
        await upload(path, file, headers, (sent) => change(file.name, { sent }), abort.signal);
        change(file.name, { sent: file.size, outcome: 'uploaded' });
      } catch (thrown) {
        change(file.name, {
          outcome: abort.signal.aborted ? 'cancelled' : uploadProblem(Problem.of(thrown)),
        });
      }
    }
    cancel.current = undefined;
    onDone();
  };
  const running = rows.some(({ outcome }) => outcome === undefined);
  return (
    <section class="card" aria-label="Upload">
      <h2>Upload</h2>
      <label class="file">
        Files to upload{' '}
        <input
          type="file"
          multiple
          disabled={running}
          onChange={(event) => {
            const input = event.currentTarget;
            void start([...(input.files ?? [])]).then(() => {
              input.value = '';
            });
          }}
        />
      </label>
      <label>
        <input
          type="checkbox"
          checked={overwrite}
          onChange={(event) => setOverwrite(event.currentTarget.checked)}
        />{' '}
        Replace files of the same name
      </label>
      <ul aria-label="Uploads">
        {rows.map(({ name, sent, size, outcome }) => (
          <li key={name}>
            {name} {formatBytes(size)}{' '}
            {outcome ?? <Progress label={`Upload of ${name}`} done={sent} total={size} />}
          </li>
        ))}
      </ul>
      {running && (
        <button type="button" onClick={() => cancel.current?.abort()}>
          Cancel
        </button>
      )}
    </section>
  );
}

function uploadProblem({ code, message, remedy }: Problem): string {
  return `${code}: ${message} ${remedy}`;
}
