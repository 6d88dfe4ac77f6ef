import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { JsonLinesSink } from '../../database/archives/write-json-lines.js';
import { UsageError } from '../terminal/cli.errors.js';

/**
 * Writes a file as a whole: until its last byte is on the disk, it has another name, which is removed after an error.
 *
 * @param path must not exist
 * @param confirm called before the file gets its name; an error keeps it from that
 * @throws UsageError when it exists or cannot be written; the error of `confirm`
 */
export async function saveFile(path: string, bytes: Readable, confirm: () => Promise<void>): Promise<void> {
  const part = `${path}.${randomUUID()}.part`;
  const file = createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true });
  const closed = new Promise<void>((resolve) => void file.once('close', () => resolve()));
  try {
    await pipeline(bytes, file);
    await confirm();
    await link(part, path); // unlike a rename, it replaces nothing
  } catch (error) {
    throw toUsageError(error, path);
  } finally {
    await closed; // bytes that fail at once end the pipeline while the file is still being made
    await rm(part, { force: true });
  }
}

/** @throws UsageError when there is one */
export async function assertNoFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found) throw new UsageError(`${path} exists already`);
}

/** The file's bytes, from its beginning. */
export function readFile(path: string): Readable {
  return createReadStream(path);
}

/** SHA-256 of a file, in hexadecimal digits. @throws UsageError when it cannot be read */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw toUsageError(error, path);
  }
  return hash.digest('hex');
}

/**
 * Has `write` fill a new folder with a file of JSON lines for each table. Until it has, the folder has another name, and is
 * removed after an error.
 *
 * @returns the files' names
 * @throws UsageError when the folder exists or cannot be written; the error of `write`
 */
export async function saveFolder(path: string, write: (sink: JsonLinesSink) => Promise<void>): Promise<string[]> {
  const part = `${path}.${randomUUID()}.part`;
  const files: string[] = [];
  const opened = new Set<FileHandle>();
  try {
    await mkdir(part, { mode: 0o700 });
    await write({ table: (table) => jsonLinesFile(part, table, files, opened) });
    await rename(part, path);
    return files;
  } catch (error) {
    throw toUsageError(error, path);
  } finally {
    for (const file of opened) await file.close();
    await rm(part, { recursive: true, force: true });
  }
}

async function jsonLinesFile(folder: string, table: string, files: string[], opened: Set<FileHandle>) {
  const name = fileName(table, files);
  files.push(name);
  const file = await open(join(folder, name), 'wx', 0o600);
  opened.add(file);
  return {
    write: (piece: Buffer) => file.writeFile(piece),
    end: async (): Promise<void> => {
      await file.sync();
      opened.delete(file);
      await file.close();
    },
  };
}

/** A table's name may have characters that a file's cannot have, or mean a path. */
function fileName(table: string, taken: readonly string[]): string {
  const plain = table.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  const name = `${plain}.jsonl`;
  const isTaken = taken.some((other) => other.toLowerCase() === name.toLowerCase());
  return isTaken ? `${plain}-${taken.length}.jsonl` : name;
}

function toUsageError(error: unknown, path: string): unknown {
  const { code, syscall } = error as { code?: string; syscall?: string };
  if (syscall === undefined) return error;
  return new UsageError(code === 'EEXIST' ? `${path} exists already` : `cannot use ${path}: ${code}`, { cause: error });
}
