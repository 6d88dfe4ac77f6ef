import { Inject, Injectable } from '@nestjs/common';
import { type HealthCheckAttempt, HealthIndicatorService } from '@nestjs/terminus';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';

const TIMEOUT_MS = 2_000;
const CACHE_MS = 1_000;

/** Whether the catalog answers. Its answer is shared for a second, so that probes add no load of their own. */
@Injectable()
export class CatalogIndicator {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly health: HealthIndicatorService,
  ) {}

  check(): HealthCheckAttempt<'catalog'> {
    return this.health
      .check('catalog')
      .attempt(async () => void (await this.catalog.query('SELECT 1')))
      .withTimeout(TIMEOUT_MS)
      .cacheFor(CACHE_MS);
  }
}
