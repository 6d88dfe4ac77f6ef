import { Global, Inject, Module, type OnApplicationBootstrap, Optional } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminModule } from '../admin/admin.module.js';
import { StartupReEncryption } from '../admin/credentials/startup-re-encryption.js';
import { ReferenceDataModule } from '../admin/reference-data/reference-data.module.js';
import { StoredSizes } from '../admin/stored-sizes/stored-sizes.js';
import { StoreUpkeep } from '../admin/stored-archives/store-upkeep.js';
import { SpareSupply } from '../admin/spare-tenants/spare-supply.js';
import { TenantsModule } from '../admin/tenants/tenants.module.js';
import { DoctorModule } from '../doctor/reports/doctor.module.js';
import { OperationRunner } from '../operations/operation-runner.js';
import { LOADED_CONFIG } from './configuration.module.js';

/** The admin REST API, the operations that it requests, `TenantProvisioner` for an application's own sign-up, and `ReferenceData`. */
@Global()
@Module({
  imports: [AdminModule, DoctorModule, TenantsModule, ReferenceDataModule],
  exports: [TenantsModule, ReferenceDataModule],
})
export class ControlPlaneModule implements OnApplicationBootstrap {
  constructor(
    private readonly modules: ModuleRef,
    @Optional() @Inject(LOADED_CONFIG) private readonly loadedConfig: unknown,
  ) {}

  /** A process that loads its own configuration decides itself when it begins with background work. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.loadedConfig !== undefined) return;
    await this.modules.get(StartupReEncryption, { strict: false }).requestIfNeeded();
    this.modules.get(OperationRunner, { strict: false }).start();
    this.modules.get(SpareSupply, { strict: false }).start();
    this.modules.get(StoreUpkeep, { strict: false }).start();
    this.modules.get(StoredSizes, { strict: false }).start();
  }
}
