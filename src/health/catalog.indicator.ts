import { Inject, Injectable, Optional } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { CatalogEvents } from '../catalog/feed/catalog-events.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { CatalogProbe } from './catalog-probe.js';
import { degraded } from './degraded.js';

/** Results are reused for this long, so that many load balancers cause one query. */
const RESULT_TTL_MS = 1_000;

/**
 * Reports whether the catalog answers. Without it, an instance is degraded while the cache may serve stale entries, and
 * down after that.
 */
@Injectable()
export class CatalogIndicator {
  private readonly graceMs: number;
  /** Start of the outage in ms of `now`. Set by the change feed as well, because probes may be rare. */
  private unavailableSince: number | undefined;
  private lastCheck: { readonly at: number; readonly failure: Promise<string | undefined> } | undefined;

  constructor(
    @Inject(APP_CONFIG) { cache }: AppConfig,
    private readonly probe: CatalogProbe,
    events: CatalogEvents,
    private readonly health: HealthIndicatorService,
    @Optional() private readonly now: () => number = () => performance.now(),
  ) {
    this.graceMs = cache.graceSeconds * 1000;
    events.subscribe('health', ({ kind }) => {
      if (kind === 'lost') this.markUnavailable();
      else this.unavailableSince = undefined;
    });
  }

  async check(): Promise<HealthIndicatorResult> {
    const session = this.health.check('catalog');
    const failure = await this.recentFailure();
    if (failure === undefined) return session.up();
    const awayMs = Math.round(this.now() - this.markUnavailable());
    const data = { message: failure, awayMs };
    return awayMs < this.graceMs ? degraded(session, data) : session.down(data);
  }

  private markUnavailable(): number {
    return (this.unavailableSince ??= this.now());
  }

  private recentFailure(): Promise<string | undefined> {
    const now = this.now();
    if (this.lastCheck && now - this.lastCheck.at < RESULT_TTL_MS) return this.lastCheck.failure;
    const failure = this.probeFailure();
    this.lastCheck = { at: now, failure };
    return failure;
  }

  /** Undefined when the catalog answers. Never the original message, which may name hosts and roles. */
  private async probeFailure(): Promise<string | undefined> {
    try {
      await this.probe.check();
      this.unavailableSince = undefined;
      return undefined;
    } catch (error) {
      return `the catalog is unavailable (${(error as { code?: string }).code ?? 'no connection'})`;
    }
  }
}
