import { z } from 'zod';
import { parseJson } from '../../platform/parse-json.js';
import type { CatalogPoint } from './catalog-point.js';

/** A change of the catalog, with the ids and names that it affects. */
export interface CatalogChange {
  readonly kind: 'change';
  readonly tenantId?: string | undefined;
  /** The tenant's version after the change. */
  readonly version?: number | undefined;
  readonly slugs: readonly string[];
  readonly keyIds: readonly string[];
  readonly domains: readonly string[];
  readonly targetId?: string | undefined;
  readonly targetVersion?: number | undefined;
}

/** Changes are received from now on; earlier ones may have been missed. */
interface CatalogFeedRestored {
  readonly kind: 'restored';
  /** Every change that a read beyond this point may have missed is announced. */
  readonly since: CatalogPoint;
}

/** Changes are missed from now on. */
interface CatalogFeedLost {
  readonly kind: 'lost';
}

/** Anything may have changed: a table was truncated, or a notification could not be parsed. */
interface CatalogUnknownChange {
  readonly kind: 'unknown-change';
}

export type CatalogEvent = CatalogChange | CatalogUnknownChange | CatalogFeedRestored | CatalogFeedLost;

const names = z.array(z.string()).default([]);

const Payload = z.strictObject({
  tenantId: z.uuid().optional(),
  version: z.int().optional(),
  slugs: names,
  keyIds: names,
  domains: names,
  targetId: z.uuid().optional(),
  targetVersion: z.int().optional(),
});

/** Parses a notification's payload. One that cannot be parsed is reported as an unknown change. */
export function parseCatalogEvent(payload: string | undefined): CatalogEvent {
  const parsed = Payload.safeParse(parseJson(payload ?? ''));
  return parsed.success ? { kind: 'change', ...parsed.data } : { kind: 'unknown-change' };
}
