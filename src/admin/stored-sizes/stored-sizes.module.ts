import { Module } from '@nestjs/common';
import { TargetsModule } from '../targets/targets.module.js';
import { SizeMeasurement } from './size-measurement.js';
import { StoredSizeRecords } from './stored-size-records.js';
import { StoredSizes } from './stored-sizes.js';

/** What tenants have stored: measured, kept, read. */
@Module({
  imports: [TargetsModule],
  providers: [SizeMeasurement, StoredSizeRecords, StoredSizes],
  exports: [StoredSizeRecords, StoredSizes],
})
export class StoredSizesModule {}
