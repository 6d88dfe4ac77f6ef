import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { systemCode } from '../platform/data-dir/system-error.js';
import { DeadlineError, withDeadline } from '../platform/timeout.js';
import { folderFailure } from './folder-failure.js';
import { isObjectKey, objectKey, objectPrefix } from './object-key.js';
import type { CallOptions, ObjectStore, StoredObject } from './object-store.js';
import { ObjectNotFoundError, StoreRefusedError } from './object-store.errors.js';
import { Relay } from './relay.js';

/** One call of the file system: a folder of a network may hang for ever. */
const CALL_MS = 60_000;
/** `open` and `mkdir`, between which another instance may remove the empty folder. */
const OPEN_ATTEMPTS = 5;

/** The name of an object that is being written; no key of an object looks like it. */
const PARTIAL = /^\.[\da-f-]{36}[.]partial$/;
const { O_CREAT, O_EXCL, O_WRONLY, O_RDONLY, O_NOFOLLOW } = constants;

/**
 * Objects as files of a folder that all instances share. The folder is never created: where a network's folder is not
 * mounted, archives would silently go to this machine's disk.
 */
export class FolderStore implements ObjectStore {
  readonly location: string;
  private readonly callMs: number;

  /** @param root absolute path */
  constructor(
    private readonly root: string,
    { callMs = CALL_MS }: { readonly callMs?: number } = {},
  ) {
    this.location = pathToFileURL(root).href;
    this.callMs = callMs;
  }

  async put(key: string, content: Readable, { signal }: CallOptions = {}): Promise<{ bytes: number }> {
    const relay = new Relay(content, { signal });
    try {
      objectKey(key);
      await this.write(key, relay);
      return { bytes: relay.bytes };
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw folderFailure(this.location, error);
    } finally {
      relay.destroy();
    }
  }

  /** As rename(2) promises: the final name leads to the former object or to the new one, which is on disk by then. */
  private async write(key: string, content: Readable): Promise<void> {
    const { path, handle } = await this.createPartial(key);
    try {
      try {
        for await (const chunk of content as AsyncIterable<Buffer>) await this.call(handle.appendFile(chunk));
        await this.call(handle.sync());
      } finally {
        await this.call(handle.close());
      }
      const final = join(dirname(path), basename(key));
      await this.call(rename(path, final));
      await this.syncFolder(dirname(final));
    } catch (error) {
      // Fails where the folder has gone away; `removeLeftovers` does it then.
      await this.call(rm(path, { force: true })).catch(() => undefined);
      throw error;
    }
  }

  private async createPartial(key: string): Promise<{ path: string; handle: FileHandle }> {
    for (let attempt = 1; ; attempt += 1) {
      const path = join(await this.folderOf(key, { create: true }), `.${randomUUID()}.partial`);
      try {
        return { path, handle: await this.open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW) };
      } catch (error) {
        if (systemCode(error) !== 'ENOENT' || attempt === OPEN_ATTEMPTS) throw error;
      }
    }
  }

  async get(key: string, { signal }: CallOptions = {}): Promise<Readable> {
    objectKey(key);
    signal?.throwIfAborted();
    try {
      const handle = await this.open(join(await this.folderOf(key), basename(key)), O_RDONLY | O_NOFOLLOW);
      if (!(await this.call(handle.stat())).isFile()) {
        await this.call(handle.close());
        throw new StoreRefusedError(this.location, 'the object is not a file');
      }
      const file = handle.createReadStream();
      const failure = (error: unknown): unknown => folderFailure(this.location, error);
      return new Relay(file, { signal, stallMs: this.callMs, failure });
    } catch (error) {
      throw (await this.isMissing(error))
        ? new ObjectNotFoundError(this.location, key)
        : folderFailure(this.location, error);
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void, void> {
    for await (const { key, path } of this.files(objectPrefix(prefix))) {
      if (!isObjectKey(key)) continue;
      const stats = await this.statsOf(path);
      if (stats?.isFile()) yield { key, bytes: stats.size, modifiedAt: stats.mtime };
    }
  }

  /** Removes the folders that it empties, too: their names are tenants' ids. */
  async delete(key: string): Promise<void> {
    objectKey(key);
    try {
      await this.call(rm(join(await this.folderOf(key), basename(key)), { force: true }));
      for (let folder = dirname(key); folder !== '.'; folder = dirname(folder)) {
        await this.call(rmdir(join(this.root, folder)));
      }
    } catch (error) {
      if (systemCode(error) === 'ENOTEMPTY' || (await this.isMissing(error))) return;
      throw folderFailure(this.location, error);
    }
  }

  async removeLeftovers(untouchedForMs: number): Promise<number> {
    let removed = 0;
    for await (const { path } of this.files('')) {
      if (!PARTIAL.test(basename(path))) continue;
      const stats = await this.statsOf(path);
      if (!stats || Date.now() - stats.mtimeMs < untouchedForMs) continue;
      await this.call(rm(path, { force: true }));
      removed += 1;
    }
    return removed;
  }

  close(): void {}

  /** All files below a prefix, also those that are no objects; symbolic links are not followed. */
  private async *files(prefix: string): AsyncGenerator<{ key: string; path: string }, void, void> {
    try {
      const folder = prefix === '' ? await this.existingRoot() : await this.folderOf(`${prefix}x`);
      const entries = await this.call(readdir(folder, { withFileTypes: true }));
      for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const key = `${prefix}${entry.name}`;
        if (entry.isFile()) yield { key, path: join(folder, entry.name) };
        else if (entry.isDirectory() && isObjectKey(key)) yield* this.files(`${key}/`);
      }
    } catch (error) {
      if (prefix !== '' && (await this.isMissing(error))) return;
      throw folderFailure(this.location, error);
    }
  }

  /**
   * The path of the folder that an object is in. Each folder on the way is looked at: a symbolic link could lead anywhere.
   *
   * @throws the system error ENOENT where it does not exist and is not to be created
   */
  private async folderOf(key: string, { create = false } = {}): Promise<string> {
    let path = await this.existingRoot();
    for (const segment of key.split('/').slice(0, -1)) {
      path = join(path, segment);
      if (create) await this.call(mkdir(path, 0o700)).catch(unlessThere);
      if ((await this.call(lstat(path))).isDirectory()) continue;
      throw new StoreRefusedError(this.location, `${segment} in it is not a folder`);
    }
    return path;
  }

  /** The folder itself may be a symbolic link: that is the operator's. */
  private existingRoot(): Promise<string> {
    return this.call(realpath(this.root));
  }

  private async statsOf(path: string) {
    try {
      return await this.call(lstat(path));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined; // deleted meanwhile
      throw error;
    }
  }

  private async open(path: string, flags: number): Promise<FileHandle> {
    const opening = open(path, flags, 0o600);
    try {
      return await this.call(opening);
    } catch (error) {
      if (error instanceof DeadlineError) void opening.then((handle) => handle.close()).catch(() => undefined);
      throw error;
    }
  }

  /** Without it, a crash of the machine may undo the rename. */
  private async syncFolder(path: string): Promise<void> {
    const folder = await this.open(path, O_RDONLY);
    try {
      await this.call(folder.sync());
    } finally {
      await this.call(folder.close());
    }
  }

  /** Whether an error says that an object or its folder does not exist, while the store's own folder does. */
  private async isMissing(error: unknown): Promise<boolean> {
    if (systemCode(error) !== 'ENOENT') return false;
    return this.existingRoot().then(
      () => true,
      () => false,
    );
  }

  private call<T>(work: Promise<T>): Promise<T> {
    return withDeadline(work, this.callMs);
  }
}

function unlessThere(error: unknown): void {
  if (systemCode(error) !== 'EEXIST') throw error;
}
