import { Module } from '@nestjs/common';
import { DemoTenants } from './demo/demo-tenants.js';
import { ApiKeys } from './api-keys.js';
import { TenantProvisioner } from './provisioning/tenant-provisioner.js';

/** The life of tenants: how they come to be and how they are let in. */
@Module({
  providers: [TenantProvisioner, ApiKeys, DemoTenants],
  exports: [TenantProvisioner, ApiKeys, DemoTenants],
})
export class ControlPlaneModule {}
