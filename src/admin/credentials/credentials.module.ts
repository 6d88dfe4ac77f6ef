import { Module } from '@nestjs/common';
import { CacheModule } from '../../cache/cache.module.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ReEncryptKind, ReEncryptRequest } from './re-encrypt.kind.js';
import { RotateKind } from './rotate.kind.js';
import { RotateRequest } from './rotate.request.js';
import { StartupReEncryption } from './startup-re-encryption.js';
import { TargetsModule } from '../targets/targets.module.js';

@Module({
  imports: [CacheModule, OperationsModule, TenantsModule, TargetsModule],
  providers: [RotateKind, RotateRequest, ReEncryptKind, ReEncryptRequest, StartupReEncryption],
  exports: [StartupReEncryption],
})
export class CredentialsModule {
  constructor(kinds: OperationKinds, rotate: RotateRequest, reEncrypt: ReEncryptRequest) {
    kinds.registerRequest(rotate);
    kinds.registerRequest(reEncrypt);
  }
}
