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
}

/** Something may have been missed: nothing that was read before can be trusted. */
export interface CatalogReset {
  readonly kind: 'reset';
}

export type CatalogEvent = CatalogChange | CatalogReset;

const names = z.array(z.string()).default([]);

const Payload = z.strictObject({
  tenantId: z.uuid().optional(),
  version: z.int().optional(),
  slugs: names,
  keyIds: names,
  domains: names,
  targetId: z.uuid().optional(),
});

/** Reads a notification's payload. What is not one of ours resets, because guessing could leave something stale. */
export function parseCatalogEvent(payload: string | undefined): CatalogEvent {
  const parsed = Payload.safeParse(parseJson(payload ?? ''));
  return parsed.success ? { kind: 'change', ...parsed.data } : { kind: 'reset' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
