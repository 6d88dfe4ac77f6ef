import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { DatabaseIsolationModule } from '../isolation/database-isolation.module.js';
import { EnforceStampsKind, EnforceStampsRequest } from './enforce-stamps.kind.js';
import { RotateStampKeyKind } from './rotate-stamp-key.kind.js';
import { RotateStampKeyRequest } from './rotate-stamp-key.request.js';
import { TargetsModule } from '../targets/targets.module.js';

@Module({
  imports: [DatabaseIsolationModule, OperationsModule, TenantsModule, TargetsModule],
  providers: [EnforceStampsKind, EnforceStampsRequest, RotateStampKeyKind, RotateStampKeyRequest],
})
export class StampsModule {
  constructor(kinds: OperationKinds, enforce: EnforceStampsRequest, rotate: RotateStampKeyRequest) {
    kinds.registerRequest(enforce);
    kinds.registerRequest(rotate);
  }
}
