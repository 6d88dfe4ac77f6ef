import { Module } from '@nestjs/common';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { CONFIG_SOURCES, type ConfigSources } from '../../platform/config/load-config.js';
import { diagnose } from '../doctor.js';
import { DoctorController } from './doctor.controller.js';
import { DoctorRuns } from './doctor-runs.js';

/** The doctor over REST. */
@Module({
  controllers: [DoctorController],
  providers: [
    {
      provide: DoctorRuns,
      inject: [APP_CONFIG, CONFIG_SOURCES, TENANT_SCHEMA],
      useFactory: (config: AppConfig, sources: ConfigSources, schema: TenantSchema) =>
        new DoctorRuns(() => diagnose({ loadConfig: () => ({ config, sources }), schema })),
    },
  ],
})
export class DoctorModule {}
