import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { TenantDirectory } from '../../tenant/directory/tenant-directory.js';
import { SettingsReader } from '../../tenant/settings/settings-reader.js';
import { TargetsModule } from '../targets/targets.module.js';
import { BatchHooks } from './batch-hooks.js';
import { HookCalls } from './hook-calls.js';
import { HookHost } from './hook-host.js';
import { HookRecords } from './hook-records.js';
import { HookSteps } from './hook-steps.js';
import { OperationScopes } from './operation-scopes.js';
import { Seeds } from './seeds.js';
import { StatusHooks } from './status-hooks.js';

const SERVICES = [BatchHooks, HookHost, HookRecords, HookSteps, StatusHooks];

/** The application's hooks of tenants' lives, and the seeds of new tenants, as operations call them. */
@Module({
  imports: [OperationsModule, TargetsModule],
  providers: [...SERVICES, HookCalls, OperationScopes, Seeds, SettingsReader, TenantDirectory],
  exports: SERVICES,
})
export class TenantHooksModule {
  constructor(kinds: OperationKinds, host: HookHost) {
    kinds.hookSource = host;
  }
}
