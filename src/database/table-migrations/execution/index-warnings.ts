import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { describeUnusableIndex, type UnusableIndex, unusableIndexes } from '../../leakproof/unusable-indexes.js';

/** The log context of these warnings, which the command line shows. */
export const INDEX_LOG = 'Indexes';

/** The same tables are made in many schemas. */
const logged = new Set<string>();

/** Logs the indexes that a migration of a schema's tables makes, and that conditions do not use under the policies. */
export class IndexWarnings {
  private constructor(
    private readonly client: pg.ClientBase,
    private readonly schema: string,
    private readonly former: readonly UnusableIndex[],
  ) {}

  /** Call it before the migrations run: what is there already is not theirs. */
  static async before(client: pg.ClientBase, schema: string): Promise<IndexWarnings> {
    return new IndexWarnings(client, schema, await unusableIndexes(client, [schema]));
  }

  /** Each index once per process. */
  async log(): Promise<void> {
    const former = this.former.map(({ index }) => index);
    for (const found of await unusableIndexes(this.client, [this.schema])) {
      const text = describeUnusableIndex(found);
      if (former.includes(found.index) || logged.has(text)) continue;
      logged.add(text);
      new Logger(INDEX_LOG).warn(text);
    }
  }
}
