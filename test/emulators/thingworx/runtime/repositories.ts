import type { EntityStore } from '../model/store.ts';
import { PlatformError } from '../values.ts';

export interface StoredFile {
  bytes: Buffer;
  modified: Date;
}

/** The files of all file repositories. They live in memory, and go with the Thing. */
export class FileRepositories {
  private readonly repositories = new Map<string, FileRepository>();

  constructor(store: EntityStore) {
    store.onChange((entity, change) => {
      if (entity.collection === 'Things' && change === 'remove') {
        this.repositories.delete(entity.name);
      }
    });
  }

  /** Files of a Thing; an empty repository when there are none yet. */
  of(thing: string): FileRepository {
    const known = this.repositories.get(thing) ?? new FileRepository();
    this.repositories.set(thing, known);
    return known;
  }
}

/** Files and folders by their path, which begins with a slash. The root is the empty path. */
export class FileRepository {
  private readonly files = new Map<string, StoredFile>();
  private readonly folders = new Set<string>();

  read(path: string): StoredFile {
    const file = this.files.get(normalPath(path));
    if (file === undefined) {
      throw new PlatformError(`File [${path}] does not exist`);
    }
    return file;
  }

  write(path: string, bytes: Buffer): void {
    const normal = normalPath(path);
    if (normal === '' || this.folders.has(normal)) {
      throw new PlatformError(`[${path}] is a folder`);
    }
    this.addFolder(parentOf(normal));
    this.files.set(normal, { bytes, modified: new Date() });
  }

  removeFile(path: string): void {
    this.read(path);
    this.files.delete(normalPath(path));
  }

  /** Makes the folder and those above it. */
  addFolder(path: string): void {
    for (let folder = normalPath(path); folder !== ''; folder = parentOf(folder)) {
      if (this.files.has(folder)) {
        throw new PlatformError(`[${folder}] is a file`);
      }
      this.folders.add(folder);
    }
  }

  removeFolder(path: string): void {
    const folder = normalPath(path);
    if (folder === '' || !this.folders.has(folder)) {
      throw new PlatformError(`Folder [${path}] does not exist`);
    }
    const inside = (one: string) => one === folder || one.startsWith(`${folder}/`);
    for (const one of [...this.files.keys()].filter(inside)) {
      this.files.delete(one);
    }
    for (const one of [...this.folders].filter(inside)) {
      this.folders.delete(one);
    }
  }

  /** The file at the path, or all files below the folder at the path. */
  below(path: string): [string, StoredFile][] {
    const normal = normalPath(path);
    const found = [...this.files].filter(([one]) => one === normal || one.startsWith(`${normal}/`));
    if (found.length === 0 && normal !== '' && !this.folders.has(normal)) {
      throw new PlatformError(`[${path}] does not exist`);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Files in the folder itself. */
  list(path: string): [string, StoredFile][] {
    const folder = normalPath(path);
    return this.below(path).filter(([one]) => parentOf(one) === folder);
  }
}

/** One slash between the parts and one before the first. Throws for `..`, which would leave the repository. */
export function normalPath(path: string): string {
  const parts = path.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) {
    throw new PlatformError(`Path [${path}] is not allowed`);
  }
  return parts.map((part) => `/${part}`).join('');
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}
