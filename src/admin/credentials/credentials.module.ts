import { Module } from '@nestjs/common';
import { CacheModule } from '../../cache/cache.module.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ResealKind, ResealRequest } from './re-encrypt.kind.js';
import { RotateKind } from './rotate.kind.js';
import { RotateRequest } from './rotate.request.js';
import { ResealingAtStart } from './startup-re-encryption.js';

@Module({
  imports: [CacheModule, OperationsModule, TenantsModule],
  providers: [RotateKind, RotateRequest, ResealKind, ResealRequest, ResealingAtStart],
  exports: [ResealingAtStart],
})
export class CredentialsModule {
  constructor(kinds: OperationKinds, rotate: RotateRequest, reseal: ResealRequest) {
    kinds.registerRequest(rotate);
    kinds.registerRequest(reseal);
  }
}
