import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { describeUnusableIndex, unusableIndexes } from '../../leakproof/unusable-indexes.js';

/** The log context of these warnings, which the command line shows. */
export const INDEX_LOG = 'Indexes';

/** The same tables are made in many schemas. */
const logged = new Set<string>();
/** Migrations whose indexes have been looked at, by database. In another schema they make the same ones. */
const inspected = new Set<string>();

/** Logs the indexes that a migration of a schema's tables makes, and that conditions do not use under the policies. */
export class IndexWarnings {
  private constructor(
    private readonly client: pg.ClientBase,
    private readonly schema: string,
    private readonly key: string,
    /** Names of indexes. Undefined when the migrations' indexes are known already. */
    private readonly former: ReadonlySet<string> | undefined,
  ) {}

  /** Call it before the migrations run: what is there already is not theirs. */
  static async before(client: pg.ClientBase, schema: string, pending: readonly string[]): Promise<IndexWarnings> {
    const { host, port, database } = client as Partial<pg.Client>;
    const key = JSON.stringify([host, port, database, pending]);
    if (inspected.has(key)) return new IndexWarnings(client, schema, key, undefined);
    const former = (await unusableIndexes(client, [schema])).map(({ index }) => index);
    return new IndexWarnings(client, schema, key, new Set(former));
  }

  /** Each index once per process. */
  async log(): Promise<void> {
    if (!this.former) return;
    for (const found of await unusableIndexes(this.client, [this.schema])) {
      const text = describeUnusableIndex(found);
      if (this.former.has(found.index) || logged.has(text)) continue;
      logged.add(text);
      new Logger(INDEX_LOG).warn(text);
    }
    inspected.add(this.key);
  }
}
