import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { parseJson } from '../../platform/parse-json.js';
import { CATALOG, catalogSchemaOf } from '../catalog-data-source.js';

/** The channel of changes of cached values; that of catalog changes is apart, because its readers invalidate everything that they cannot parse. */
export const VALUES_CHANNEL = 'tenantry_values';

/** Keys in one notification: PostgreSQL accepts 8,000 bytes. */
const MAX_KEYS = 100;

const Payload = z.strictObject({
  from: z.uuid(),
  catalog: z.string(),
  namespace: z.string(),
  keys: z.union([z.literal('all'), z.array(z.string()).min(1).max(MAX_KEYS)]),
});

/** Cached values that have changed: some keys of a namespace, or all of them. */
export interface AnnouncedChange {
  readonly namespace: string;
  readonly keys: readonly string[] | 'all';
}

type Listener = (change: AnnouncedChange) => void;

/** Announces changes of cached values to the other instances of this catalog, and receives theirs through the change feed. */
@Injectable()
export class ValueChanges {
  private readonly logger = new Logger(ValueChanges.name);
  private readonly from = randomUUID();
  private listener: Listener | undefined;

  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** The one consumer: the store of the values. */
  subscribe(listener: Listener): void {
    this.listener = listener;
  }

  /**
   * Resolves when every connected instance has been sent the change. When the catalog fails it is logged, and copies in other
   * instances' memory may be used until they expire: most have lost the catalog too, and forget them for that reason.
   */
  async announce({ namespace, keys }: AnnouncedChange): Promise<void> {
    const parts = keys === 'all' || keys.length <= MAX_KEYS ? [keys] : chunksOf(keys, MAX_KEYS);
    try {
      const catalog = catalogSchemaOf(this.catalog);
      const payloads = parts.map((part) => JSON.stringify({ from: this.from, catalog, namespace, keys: part }));
      await this.catalog.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [
        VALUES_CHANNEL,
        payloads,
      ]);
    } catch (error) {
      this.logger.warn(`Cannot announce a change of cached values to other instances: ${reasonOf(error)}`);
    }
  }

  /** Passes a notification of another instance on. One that cannot be parsed is ignored: only instances of this catalog send them. */
  deliver(payload: string | undefined): void {
    const parsed = Payload.safeParse(parseJson(payload ?? ''));
    if (!parsed.success) return this.logger.warn('Ignored a malformed announcement of cached values');
    const { from, catalog, namespace, keys } = parsed.data;
    if (from !== this.from && catalog === catalogSchemaOf(this.catalog)) this.listener?.({ namespace, keys });
  }
}

function chunksOf(keys: readonly string[], size: number): (readonly string[])[] {
  return Array.from({ length: Math.ceil(keys.length / size) }, (_, index) =>
    keys.slice(index * size, (index + 1) * size),
  );
}
