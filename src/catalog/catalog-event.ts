import { z } from 'zod';

/** What was changed in the catalog, by the names it is known under. */
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

/** Changes are heard from now on; what happened before may have been missed. */
export interface CatalogListening {
  readonly kind: 'listening';
}

/** Changes are not heard from now on. */
export interface CatalogLost {
  readonly kind: 'lost';
}

export type CatalogEvent = CatalogChange | CatalogListening | CatalogLost;

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

/** Reads a notification's payload. What is not understood counts as having missed something. */
export function parseCatalogEvent(payload: string | undefined): CatalogEvent {
  const parsed = Payload.safeParse(parseJson(payload ?? ''));
  return parsed.success ? { kind: 'change', ...parsed.data } : { kind: 'listening' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
