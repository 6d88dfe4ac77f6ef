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

/**
 * Who receives an event, in this order: what the others read is from then on at least as new as the event, because the
 * cache has applied it first; a tenant's admission is settled before its pool changes.
 */
export const CATALOG_CONSUMERS = ['cache', 'admission', 'pools', 'health'] as const;
export type CatalogConsumer = (typeof CATALOG_CONSUMERS)[number];

export type CatalogListener = (event: CatalogEvent) => void;

interface Subscription {
  readonly consumer: CatalogConsumer;
  readonly listener: CatalogListener;
}

/** The one way of an event from the change feed to everything that follows the catalog. */
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

  /** Calls every subscriber; an error of one is logged and keeps none of the others from the event. */
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
