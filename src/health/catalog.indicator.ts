import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { CatalogChangeFeed } from '../catalog/catalog-change-feed.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { CatalogProbe } from './catalog-probe.js';

/** Probes of a whole fleet of balancers ask the catalog once in this time. */
const SHARED_MS = 1_000;

/**
 * Whether the catalog answers. While the cache may serve what it knows, an instance without its catalog is degraded;
 * after that it can serve nobody and is down.
 */
@Injectable()
export class CatalogIndicator implements OnModuleInit {
  private readonly graceMs: number;
  /** Since when it is known to be away, in ms of `performance.now`: probes may be rare, the change feed notices too. */
  private awaySince: number | undefined;
  private asked: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined;

  constructor(
    @Inject(APP_CONFIG) { cache }: AppConfig,
    private readonly probe: CatalogProbe,
    private readonly changes: CatalogChangeFeed,
    private readonly health: HealthIndicatorService,
  ) {
    this.graceMs = cache.graceSeconds * 1000;
  }

  onModuleInit(): void {
    this.changes.subscribe(({ kind }) => {
      if (kind === 'lost') this.noteAway();
      else this.awaySince = undefined;
    });
  }

  async check(): Promise<HealthIndicatorResult> {
    const session = this.health.check('catalog');
    const complaint = await this.ask();
    if (complaint === undefined) return session.up();
    const awayMs = Math.round(performance.now() - this.noteAway());
    const data = { message: complaint, awayMs };
    return awayMs < this.graceMs ? session.degraded(data) : session.down(data);
  }

  private noteAway(): number {
    return (this.awaySince ??= performance.now());
  }

  private ask(): Promise<string | undefined> {
    const now = performance.now();
    if (this.asked && now - this.asked.at < SHARED_MS) return this.asked.answer;
    const answer = this.complaint();
    this.asked = { at: now, answer };
    return answer;
  }

  /** Why it does not answer; without what the message may tell of hosts and roles. */
  private async complaint(): Promise<string | undefined> {
    try {
      await this.probe.ask();
      this.awaySince = undefined;
      return undefined;
    } catch (error) {
      return `the catalog does not answer (${(error as { code?: string }).code ?? 'no connection'})`;
    }
  }
}
