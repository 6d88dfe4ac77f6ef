import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { isNamedFor } from '../../platform/postgres/application-name.js';
import { runWithoutContext } from '../../platform/run-without-context.js';

const COUNT = `
  SELECT count(*)::int AS instances FROM pg_stat_activity
  WHERE datname = current_database() AND ${isNamedFor('signed notifications')}`;
const COUNT_EVERY_MS = 5_000;

/** How many instances run: each keeps one connection for notifications to the catalog. Counted only while it is asked. */
@Injectable()
export class RunningInstances {
  private known = 1;
  private countedAt = -Infinity;

  constructor(@Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>) {}

  /** As counted a few seconds ago, or when the catalog answered last. At least 1. */
  count(): number {
    const now = performance.now();
    if (now - this.countedAt > COUNT_EVERY_MS) {
      this.countedAt = now;
      void runWithoutContext(() => this.read());
    }
    return this.known;
  }

  /** Never rejects: without the catalog the last number holds. */
  private async read(): Promise<void> {
    try {
      const [row] = await this.catalog.query<{ instances: number }[]>(COUNT);
      this.known = Math.max(1, row?.instances ?? 1);
    } catch {
      return; // the catalog's own checks report that it is away
    }
  }
}
