/** What an application imports from `tenantry`. */
export { TenantryModule } from './tenantry/tenantry.module.js';
export type { TenantryAsyncOptions, TenantryOptions, TenantrySettings, TenantryStructure } from './tenantry/options.js';
export type { TenantFeature } from './tenantry/features.js';
export {
  DuplicateMaskError,
  DuplicateMigrationError,
  MissingPackageError,
  SecondRootError,
} from './tenantry/tenantry.errors.js';

export { AccessGuard } from './tenant/access/access.guard.js';
export { ResolvingInterceptor } from './tenant/access/resolving.interceptor.js';
export { ControlPlane, type ControlPlaneOptions, Public, TenantScoped } from './tenant/access/access.decorators.js';
export { ForbiddenError } from './tenant/access/access.errors.js';
export { UnservableHandlerError } from './tenant/access/handler.errors.js';
export { TenantGoneError, TenantSuspendedError, TenantUnavailableError } from './tenant/admission/admission.errors.js';
export { InvalidCronError } from './tenant/cron/cron.errors.js';
export { TenantCron, type TenantCronOptions, type TenantCronRun } from './tenant/cron/tenant-cron.decorator.js';
export {
  InvalidFleetInputError,
  TenantListError,
  TooManyRowsError,
  WithinTenantContextError,
} from './tenant/fleet/fleet.errors.js';
export type { ReportQuery } from './tenant/fleet/tenant-report.js';
export type { AcrossTenantsOptions, TenantReport, TenantReports } from './tenant/fleet/tenant-reports.js';
export type { TenantFilter } from './tenant/fleet/tenant-filter.js';
export type {
  ForEachTenantOptions,
  TenantIdentity,
  TenantProgress,
  TenantResult,
  TenantResults,
} from './tenant/fleet/tenant-results.js';
export { CARRIER_PROPERTY, type CarriedData, carrierIn, withCarrier } from './tenant/carrier/carried-data.js';
export {
  CarrierExpiredError,
  InvalidCarrierError,
  InvalidCarrierExpiryError,
  MissingCarrierError,
  UncarriableDataError,
  UncarriablePrincipalError,
} from './tenant/carrier/carrier.errors.js';
export { CarrierMessageResolver } from './tenant/transports/carrier-message.resolver.js';
export type { JobPolicy } from './tenant/jobs/job-policy.js';
export { InvalidJobPolicyError, JobNotKeptError, JobRefusedError } from './tenant/jobs/job.errors.js';
export { type JobOutcome, TenantJobs } from './tenant/jobs/tenant-jobs.js';
export { NoTenantContextError, UnknownTenantError } from './tenant/context/context.errors.js';
export { InjectTenantRepository, tenantRepositoryToken } from './tenant/context/inject-tenant-repository.decorator.js';
export { TenantConnectionService } from './tenant/context/tenant-connection.service.js';
export {
  type CallDetails,
  type CaptureOptions,
  type OpenContext,
  type TenantCall,
  TenantContext,
  type TenantScope,
} from './tenant/context/tenant-context.js';
export { InvalidStalenessError, ReplicaReadOnlyError } from './database/replicas/replicas.errors.js';
export { ReadFromReplica } from './tenant/replicas/read-from-replica.decorator.js';
export type { ReplicaReadOptions } from './tenant/replicas/replica-scope.js';
export { FeatureDisabledError } from './tenant/features/features.errors.js';
export { RequireFeature, RequireFeatureInterceptor } from './tenant/features/require-feature.decorator.js';
export type { Features } from './tenant/settings/features.js';
export { InvalidSettingError, UnknownFeatureError } from './tenant/settings/settings.errors.js';
export type { FeatureName, TenantFeatureFlags, TenantSettings } from './tenant/settings/tenant-settings.js';
export { keepTenantContext } from './tenant/context/keep-tenant-context.js';
export { tenantScopedLoader } from './tenant/context/tenant-scoped-loader.js';
export { SharedGraphqlContextError } from './tenant/transports/transports.errors.js';
export { CredentialResolver } from './tenant/identification/credential-resolver.js';
export {
  TenantMismatchError,
  TenantRequiredError,
  UnauthenticatedError,
  UncacheablePrincipalError,
  UnknownMembershipError,
} from './tenant/identification/identification.errors.js';
export type { ApiKeyPrincipal, CredentialPrincipal, JwtPrincipal } from './tenant/identification/principal.js';
export type { MessageResolver, TenantMessage } from './tenant/identification/message-resolver.js';
export { TenantFinder } from './tenant/identification/tenant-finder.js';
export { tenantCacheKey } from './tenant/identification/tenant-cache-key.js';
export {
  type ResolvedTenant,
  ResolverResultError,
  type TenantResolver,
} from './tenant/identification/tenant-resolver.js';
export { type CacheOptions, TenantCache } from './tenant/cache/tenant-cache.js';
export { CacheResponse } from './tenant/cache/cache-response.js';
export { TenantCacheInterceptor } from './tenant/cache/tenant-cache.interceptor.js';
export { InvalidCacheArgumentError, UncacheableValueError } from './cache/values/values.errors.js';
export { InvalidPathError, WrongTenantPathError } from './tenant/files/paths.errors.js';
export { TenantPaths } from './tenant/files/tenant-paths.js';
export { separateTenants } from './tenant/tenant-pool/prisma.js';
export { TenantPool } from './tenant/tenant-pool/tenant-pool.js';
export type { TenantPoolClient } from './tenant/tenant-pool/tenant-pool-client.js';

export type { CentralFeature } from './central/central-tables.js';
export { CentralSchemaError, MixedTablesError, TenantEntityError } from './central/central.errors.js';
export { centralRepositoryToken, InjectCentralRepository } from './central/inject-central-repository.decorator.js';
export { CentralEntityError } from './database/data-source/central-entities.js';

export type { Actor } from './catalog/audit/actor.js';
export { onTenant, type OnTenantOptions } from './admin/tenant-hooks/on-tenant.decorator.js';
export type { HookCall, TenantHook, TenantHooks } from './admin/tenant-hooks/tenant-hooks.js';
export { DuplicateHooksError, InvalidHooksError } from './admin/tenant-hooks/tenant-hooks.errors.js';
export { TenantProvisioner } from './admin/tenants/tenant-provisioner.js';
export { type PublishedVersion, ReferenceData } from './admin/reference-data/reference-data.js';
export type {
  ReferencePlaceBehind,
  ReferenceTableList,
  ReferenceTableView,
} from './admin/reference-data/reference-data.views.js';
export type { TenantLimits } from './catalog/model/tenant-limits.js';
export type { StoredFeatures, StoredSettings } from './catalog/model/stored-settings.js';
export type { Isolation, Tenant, TenantStatus } from './catalog/model/tenant.js';
export { CatalogUnavailableError } from './catalog/catalog.errors.js';
export {
  createTenantTable,
  dropTenantTable,
  type OnDelete,
  type ReferenceTableReference,
  type TenantForeignKey,
  type TenantReference,
  type TenantTable,
} from './database/table-migrations/tenant-table.js';
export {
  createReferenceTable,
  dropReferenceTable,
  type ReferenceForeignKey,
  type ReferenceTable,
} from './database/table-migrations/reference-table.js';
export type { ColumnMask, ColumnMasks } from './database/table-migrations/tenant-schema/column-masks.js';
export type {
  FeatureDefaults,
  SettingResult,
  SettingSchema,
  SettingSchemas,
  SettingValues,
} from './database/table-migrations/tenant-schema/setting-schemas.js';
export type { TenantHooksClass } from './database/table-migrations/tenant-schema/tenant-hooks-class.js';
export {
  type AdoptedFrom,
  type AdoptedTable,
  adoptTenantTable,
} from './database/table-migrations/adoption/adopt-tenant-table.js';
export { TableNotAdoptedError } from './database/table-migrations/adoption/adoption.errors.js';
export type { TypeormOptions } from './database/table-migrations/tenant-schema/typeorm-options.js';
export type {
  ConstraintMessage,
  ConstraintMessages,
  SeededTenant,
  TenantSchema,
} from './database/table-migrations/tenant-schema/tenant-schema.js';
export {
  LeaseExpiredError,
  type PoolCounts,
  PoolEndedError,
  PoolTimeoutError,
  TenantBusyError,
} from './database/pool/pool.errors.js';
export { TenantReadOnlyError } from './database/gates/closed-gate.js';
export { ConnectionLostError, StatementTimeoutError } from './database/statements/statement-failure.js';
export { ReadOnlyTableError } from './database/data-source/refused-write.js';
export { WrongTenantError } from './database/statements/wrong-tenant.js';
export { BatchRolledBackError, BatchSentError, InvalidBatchError } from './database/batches/batch.errors.js';
export type { BatchManager, BatchOperation } from './database/batches/batch-manager.js';
export type { BatchResults } from './database/batches/run-batch.js';
export type { TransactionOptions } from './database/data-source/limited-transaction.js';
export type { SessionLease, SessionOptions, SessionResult } from './database/transactions/session-lease.js';

export { ProblemFilter } from './http/problems/problem.filter.js';
export type { Problem } from './http/problems/problem.js';
export type { HttpRequest } from './http/requests/http-request.js';
export type { CallContext } from './platform/context.js';
export type { Usage } from './database/statements/usage.js';
export { ConfigurationError, type ConfigurationProblem } from './platform/config/config.errors.js';
export { CodedError, type CodedErrorOptions } from './platform/errors/coded-error.js';
export {
  ConflictError,
  ConstraintViolationError,
  type FieldProblem,
  NotFoundError,
  ValidationFailedError,
  type ViolatedConstraint,
} from './platform/errors/request.errors.js';
export { type ConstraintErrors, withConstraintErrors } from './platform/postgres/constraint-errors.js';
