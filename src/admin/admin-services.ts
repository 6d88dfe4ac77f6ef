import { AdoptionModule } from './adoption/adoption.module.js';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { ArchivesModule } from './archives/archives.module.js';
import { AuditModule } from './audit/audit.module.js';
import { BackupsModule } from './backups/backups.module.js';
import { ClonesModule } from './clones/clones.module.js';
import { CredentialsModule } from './credentials/credentials.module.js';
import { DeprovisioningModule } from './deprovisioning/deprovisioning.module.js';
import { EmptyingModule } from './emptying/emptying.module.js';
import { FleetMigrationsModule } from './fleet-migrations/fleet-migrations.module.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { InstancesModule } from './instances/instances.module.js';
import { MovesModule } from './moves/moves.module.js';
import { OperatorsModule } from './operators/operators.module.js';
import { PlansModule } from './plans/plans.module.js';
import { RebalancingModule } from './rebalancing/rebalancing.module.js';
import { ReferenceDataModule } from './reference-data/reference-data.module.js';
import { RequestedOperationsModule } from './operations/requested-operations.module.js';
import { ProvisioningModule } from './provisioning/provisioning.module.js';
import { ServersModule } from './servers/servers.module.js';
import { StoredArchivesModule } from './stored-archives/stored-archives.module.js';
import { SettingsModule } from './settings/settings.module.js';
import { SpareTenantsModule } from './spare-tenants/spare-tenants.module.js';
import { StoredSizesModule } from './stored-sizes/stored-sizes.module.js';
import { StampsModule } from './stamps/stamps.module.js';
import { UsageModule } from './usage/usage.module.js';
import { TenantsModule } from './tenants/tenants.module.js';

/** The control plane's services, without HTTP, which the command line does not need. */
export const ADMIN_SERVICES = [
  AdoptionModule,
  ApiKeysModule,
  ArchivesModule,
  AuditModule,
  BackupsModule,
  ClonesModule,
  CredentialsModule,
  DeprovisioningModule,
  EmptyingModule,
  FleetMigrationsModule,
  IdempotencyModule,
  InstancesModule,
  MovesModule,
  OperatorsModule,
  PlansModule,
  ProvisioningModule,
  RebalancingModule,
  ReferenceDataModule,
  RequestedOperationsModule,
  ServersModule,
  SettingsModule,
  SpareTenantsModule,
  StampsModule,
  StoredArchivesModule,
  StoredSizesModule,
  TenantsModule,
  UsageModule,
];
