import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { ConsoleNotBuiltError } from './console.errors.js';

/** The build's output, seen from `src/server/console` and from `dist/server/console` alike. */
const BUILT = fileURLToPath(new URL('../../../dist/console', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** A built file of the console. */
export interface ConsoleFile {
  readonly content: Buffer;
  readonly type: string;
  /** Strong validator, quoted. */
  readonly etag: string;
}

/**
 * The built console, read once, by the first request: an application that runs from its sources starts without a build. A request
 * names one of the files or nothing, and never reaches the file system.
 */
@Injectable()
export class ConsoleFiles {
  private files?: ReadonlyMap<string, ConsoleFile>;

  /** @throws {ConsoleNotBuiltError} */
  get(name: string): ConsoleFile | undefined {
    this.files ??= readBuilt(BUILT);
    return this.files.get(name);
  }
}

function readBuilt(folder: string): ReadonlyMap<string, ConsoleFile> {
  try {
    const names = readdirSync(folder).filter((name) => TYPES[extname(name)] !== undefined);
    const files = new Map(names.map((name) => [name, readFile(folder, name)]));
    if (files.has('index.html')) return files;
  } catch (error) {
    throw new ConsoleNotBuiltError(error);
  }
  throw new ConsoleNotBuiltError();
}

function readFile(folder: string, name: string): ConsoleFile {
  const content = readFileSync(join(folder, name));
  const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
  return { content, type: TYPES[extname(name)]!, etag };
}
