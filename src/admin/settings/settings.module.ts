import { Module } from '@nestjs/common';
import { SettingsReader } from '../../tenant/settings/settings-reader.js';
import { PlansModule } from '../plans/plans.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { TenantSettingsRecords } from './tenant-settings.js';

@Module({
  imports: [PlansModule, TenantsModule],
  providers: [SettingsReader, TenantSettingsRecords],
  exports: [TenantSettingsRecords],
})
export class SettingsModule {}
