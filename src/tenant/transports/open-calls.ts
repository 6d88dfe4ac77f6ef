import { Injectable } from '@nestjs/common';
import { type CatalogEvent, CatalogEvents } from '../../catalog/feed/catalog-events.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import type { Caller } from '../identification/caller.js';
import { finalRejectionOf } from './final-rejection.js';

/** How often callers are looked at without a change in the catalog: a token expires without one. */
const RECHECK_MS = 15_000;

interface OpenCall {
  readonly tenantId: string;
  readonly recheck: () => Caller | Promise<Caller>;
  readonly end: (rejection: unknown) => void;
}

/**
 * Sockets, streams and subscriptions that are open for a tenant's caller. After each change of the tenant they are looked at
 * again, and ended when their caller is refused for good: the key is revoked, the token has expired, the tenant is suspended.
 */
@Injectable()
export class OpenCalls {
  private readonly byTenant = new Map<string, Set<OpenCall>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(events: CatalogEvents, shutdown: Shutdown) {
    shutdown.add('stop the change feed', () => this.stop());
    events.subscribe('open-calls', (event) => this.onEvent(event));
  }

  /**
   * Looks at the caller at once, too: it may have been refused since it was admitted.
   *
   * @returns what stops watching
   */
  watch(tenantId: string, recheck: OpenCall['recheck'], end: OpenCall['end']): () => void {
    const call = { tenantId, recheck, end };
    const calls = this.byTenant.get(tenantId) ?? new Set();
    this.byTenant.set(tenantId, calls.add(call));
    this.timer ??= runWithoutContext(() => setInterval(() => this.checkAll(), RECHECK_MS).unref());
    this.check([call]);
    return () => {
      calls.delete(call);
      if (calls.size === 0 && this.byTenant.get(tenantId) === calls) this.byTenant.delete(tenantId);
    };
  }

  private onEvent(event: CatalogEvent): void {
    if (event.kind === 'change')
      this.check(event.tenantId === undefined ? undefined : this.byTenant.get(event.tenantId));
    else if (event.kind !== 'lost') this.checkAll();
  }

  private checkAll(): void {
    for (const calls of this.byTenant.values()) this.check(calls);
  }

  private check(calls: Iterable<OpenCall> = []): void {
    for (const call of [...calls]) void runWithoutContext(() => this.endIfRefused(call));
  }

  private async endIfRefused(call: OpenCall): Promise<void> {
    const { tenantId, recheck, end } = call;
    const rejection = finalRejectionOf(await recheck(), tenantId);
    if (rejection !== undefined && this.byTenant.get(tenantId)?.has(call)) end(rejection);
  }

  private stop(): void {
    clearInterval(this.timer);
    this.byTenant.clear();
  }
}
