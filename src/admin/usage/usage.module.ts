import { Inject, Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { DeprovisioningModule } from '../deprovisioning/deprovisioning.module.js';
import { ErasureRemains } from '../deprovisioning/erasure-remains.js';
import { UsageRecords } from './usage-records.js';
import { usageRemains } from './usage-remains.js';

@Module({ imports: [DeprovisioningModule], providers: [UsageRecords], exports: [UsageRecords] })
export class UsageModule {
  constructor(erasure: ErasureRemains, @Inject(APP_CONFIG) { usage }: AppConfig) {
    erasure.add(usageRemains(usage.retentionDays));
  }
}
