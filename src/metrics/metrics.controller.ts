import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { ControlPlane, Public } from '../tenant/access/access.decorators.js';
import { MetricsService } from './metrics.service.js';

/** Requires the admin key. */
@ApiExcludeController()
@ControlPlane()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  @Get()
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('cache-control', 'no-store')
  scrape(): Promise<string> {
    return this.metrics.scrape();
  }
}

/** Requires no credential; used with `METRICS_PUBLIC=true`. */
@ApiExcludeController()
@Public()
@Controller('metrics')
export class PublicMetricsController extends MetricsController {}
