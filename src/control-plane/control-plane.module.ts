import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { DemoTenants } from './demo/demo-tenants.js';
import { ApiKeys } from './api-keys.js';
import { RuntimeController } from './runtime/runtime.controller.js';
import { TenantProvisioner } from './provisioning/tenant-provisioner.js';

/** The life of tenants: how they come to be and how they are let in. */
@Module({
  imports: [CacheModule],
  controllers: [RuntimeController],
  providers: [TenantProvisioner, ApiKeys, DemoTenants],
  exports: [TenantProvisioner, ApiKeys, DemoTenants],
})
export class ControlPlaneModule {}
