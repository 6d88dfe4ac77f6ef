import { Module } from '@nestjs/common';
import { TenantryModule } from '../../src/index.js';
import type { TenantFeature } from '../../src/tenantry/features.js';
import type { RootModule } from '../../src/server/server.module.js';

/** The root module of an application like the sample, with other tables and without its controllers. */
export function rootModuleWith(feature: TenantFeature): RootModule {
  @Module({
    imports: [
      TenantryModule.forRoot({ guard: 'global', controlPlane: true, health: true, metrics: true }),
      TenantryModule.forFeature(feature),
    ],
  })
  class TestRootModule {}
  return TestRootModule;
}
