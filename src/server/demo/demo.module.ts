import { Module } from '@nestjs/common';
import { ApiKeysModule } from '../../admin/api-keys/api-keys.module.js';
import { TenantsModule } from '../../admin/tenants/tenants.module.js';
import { DEMO } from './demo.js';
import { DemoTenants } from './demo-tenants.js';

@Module({
  imports: [ApiKeysModule, TenantsModule],
  providers: [{ provide: DEMO, useClass: DemoTenants }],
  exports: [DEMO],
})
export class DemoModule {}
