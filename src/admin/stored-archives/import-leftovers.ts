import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ArchiveStore } from './archive-store.js';

const FOLDER = 'imports/';
/** Named after the content, formerly by that alone: what operators put there under other names is theirs. */
const PASSED_ON = /^imports\/[\da-f]{64}(?:-[\da-f]{16})?\.age$/;
const RANDOM_BYTES = 8;
/** No command needs as long between its upload and its request; and clocks of stores differ. */
const UNTOUCHED_MS = 86_400_000;

const READING = `
  SELECT FROM operations
  WHERE kind = 'import' AND status IN ('pending', 'running') AND input -> 'source' ->> 'key' = $1 LIMIT 1`;

/** What the keys begin with under which commands pass an archive on to instances. @param sha256 of its content, in hexadecimal digits */
export function passedOnPrefix(sha256: string): string {
  return `${FOLDER}${sha256}`;
}

/** A new one: a command that removes its object removes none that another one has just passed on. */
export function passedOnKey(sha256: string): string {
  return `${passedOnPrefix(sha256)}-${randomBytes(RANDOM_BYTES).toString('hex')}.age`;
}

/** Removes archives that commands have passed on through the store, once no operation reads them. */
@Injectable()
export class ImportLeftovers {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly stores: ArchiveStore,
  ) {}

  /** Unless an operation still reads it. @returns whether it was removed @throws the errors of ObjectStore */
  async remove(key: string): Promise<boolean> {
    const [reading] = await this.catalog.query<object[]>(READING, [key]);
    if (reading) return false;
    await (await this.stores.open()).delete(key);
    return true;
  }

  /** Those of commands that were killed. @returns how many it has removed @throws the errors of ObjectStore */
  async sweep(signal?: AbortSignal, untouchedMs = UNTOUCHED_MS): Promise<number> {
    const store = await this.stores.open();
    let removed = 0;
    for await (const { key, modifiedAt } of store.list(FOLDER)) {
      if (signal?.aborted === true) break;
      if (!PASSED_ON.test(key) || Date.now() - modifiedAt.getTime() < untouchedMs) continue;
      if (await this.remove(key)) removed += 1;
    }
    return removed;
  }
}
