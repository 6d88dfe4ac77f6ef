import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import type { CatalogPoint } from './catalog-point.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { parseJson } from '../../platform/parse-json.js';

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
  /** Name of a plan that has changed; its tenants have not. */
  readonly plan?: string | undefined;
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
  plan: z.string().optional(),
});

/** Parses a notification's payload. One that cannot be parsed is reported as an unknown change. */
export function parseCatalogEvent(payload: string | undefined): CatalogEvent {
  const parsed = Payload.safeParse(parseJson(payload ?? ''));
  return parsed.success ? { kind: 'change', ...parsed.data } : { kind: 'unknown-change' };
}

/**
 * The consumers of an event, in the order in which they receive it. The cache applies it first, so that what the others read
 * from then on is at least as new as the event; a tenant is due for a status check before its pool changes.
 */
export const CATALOG_CONSUMERS = ['cache', 'values', 'plans', 'admission', 'pools', 'health', 'open-calls'] as const;
export type CatalogConsumer = (typeof CATALOG_CONSUMERS)[number];

export type CatalogListener = (event: CatalogEvent) => void;

interface Subscription {
  readonly consumer: CatalogConsumer;
  readonly listener: CatalogListener;
}

/** Passes each event of the change feed to all consumers. No other way leads from the feed to them. */
@Injectable()
export class CatalogEvents {
  private readonly logger = new Logger(CatalogEvents.name);
  private subscriptions: readonly Subscription[] = [];
  /** Undefined while changes may be missed. */
  private restored: CatalogFeedRestored | undefined;

  /**
   * Subscribe in the constructor: the change feed connects when everything is constructed, so no event is missed. A later
   * subscriber receives `restored` at once if the feed is connected. Those of one consumer are called in order of their
   * subscription.
   */
  subscribe(consumer: CatalogConsumer, listener: CatalogListener): () => void {
    const subscription = { consumer, listener };
    const all = [...this.subscriptions, subscription];
    this.subscriptions = CATALOG_CONSUMERS.flatMap((name) => all.filter((each) => each.consumer === name));
    if (this.restored) this.notify(subscription, this.restored);
    return () => void (this.subscriptions = this.subscriptions.filter((each) => each !== subscription));
  }

  /** Calls every subscriber. An error of one is logged, and the others are called all the same. */
  deliver(event: CatalogEvent): void {
    if (event.kind === 'restored') this.restored = event;
    if (event.kind === 'lost') this.restored = undefined;
    for (const subscription of this.subscriptions) this.notify(subscription, event);
  }

  private notify({ consumer, listener }: Subscription, event: CatalogEvent): void {
    try {
      listener(event);
    } catch (error) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.logger.error(`Cannot apply the catalog event "${event.kind}" to ${consumer}: ${reasonOf(error)}`, stack);
    }
  }
}
