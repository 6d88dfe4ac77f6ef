import {
  type DynamicModule,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { CacheModule, REDIS_TIER } from '../cache/cache.module.js';
import type { RedisTier } from '../cache/redis/redis-tier.js';
import { HAS_PROBLEM_FILTER } from '../http/problems/problem.filter.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { registerInjectables, providersForCopies } from '../platform/injectable-copies.js';
import { ACCESS_OPTIONS, type AccessOptions } from './access/access.js';
import { AccessGuard } from './access/access.guard.js';
import { CallAdmission } from './access/call-admission.js';
import { GatewayHandshakes } from './access/gateway-handshakes.js';
import { OpenContexts } from './access/open-contexts.js';
import { PreparedHandlers } from './access/prepared-handlers.js';
import { RequestAdmission } from './access/request-admission.js';
import { ResolvingInterceptor } from './access/resolving.interceptor.js';
import { RouteAccess } from './access/route-access.js';
import { StreamInterceptor } from './access/stream.interceptor.js';
import { TransportHandlers } from './access/transport-handlers.js';
import { OperatorAdmission } from './access/operators/operator-admission.js';
import { OperatorResponses } from './access/operators/operator-responses.js';
import { OperatorAuthorization } from './operators/operator-authorization.js';
import { OperatorKeyLookup } from './operators/operator-key-lookup.js';
import { OperatorSessionLookup } from './operators/operator-session-lookup.js';
import { OperatorRefusals } from './operators/operator-refusals.js';
import { AdminKey } from './admin-key/admin-key.js';
import { RefusedAttempts } from './admin-key/refused-attempts.js';
import { TenantAdmission } from './admission/tenant-admission.js';
import { TenantAvailability } from './admission/tenant-availability.js';
import { TenantCache } from './cache/tenant-cache.js';
import { TenantPaths } from './files/tenant-paths.js';
import { TenantCarriers } from './carrier/tenant-carriers.js';
import { TenantConnectionService } from './context/tenant-connection.service.js';
import { TenantContext } from './context/tenant-context.js';
import { CronJobs } from './cron/cron-jobs.js';
import { CronRecords } from './cron/cron-records.js';
import { CronRunner } from './cron/cron-runner.js';
import { TargetWatch } from './directory/target-watch.js';
import { TenantDirectory } from './directory/tenant-directory.js';
import { TenantLookup } from './directory/tenant-lookup.js';
import { TenantFleet } from './fleet/tenant-fleet.js';
import { TenantReportReader } from './fleet/tenant-report-reader.js';
import { Authenticator } from './identification/authenticator.js';
import { CredentialResolver } from './identification/credential-resolver.js';
import { JwtVerifier } from './identification/jwt-verifier.js';
import { MessageIdentification } from './identification/message-identification.js';
import { MESSAGE_RESOLVER, type MessageResolver } from './identification/message-resolver.js';
import { RequestIdentification } from './identification/request-identification.js';
import { TenantFinder } from './identification/tenant-finder.js';
import { TENANT_RESOLVER, type TenantResolver } from './identification/tenant-resolver.js';
import { TenantPool } from './tenant-pool/tenant-pool.js';
import { leaseFromRedis } from './limits/redis-leases.js';
import { RedisSlots } from './limits/redis-slots.js';
import { RequestLimiter } from './limits/request-limiter.js';
import type { LeaseTokens } from './limits/request-limits.js';
import { StoredAmounts } from './limits/stored-amounts.js';
import { RunningInstances } from './limits/running-instances.js';
import { JobSlots } from './jobs/job-slots.js';
import { TenantJobs } from './jobs/tenant-jobs.js';
import { PositionHeader } from './replicas/position-header.js';
import { SettingsReader } from './settings/settings-reader.js';
import { GraphqlOperations } from './transports/graphql-operations.js';
import { GraphqlSchemas } from './transports/graphql-schemas.js';
import { GraphqlSubscriptions } from './transports/graphql-subscriptions.js';
import { CountedResponses } from './usage/counted-responses.js';
import { UsageCounter } from './usage/usage-counter.js';
import { UsageWriter } from './usage/usage-writer.js';
import { OpenCalls } from './transports/open-calls.js';
import { TransportCalls } from './transports/transport-calls.js';

export interface TenantModuleOptions extends AccessOptions {
  readonly resolver?: Type<TenantResolver> | undefined;
  readonly messageResolver?: Type<MessageResolver> | undefined;
  /** Modules that export what the resolvers need. */
  readonly imports?: DynamicModule['imports'];
}

/** Injection token: whether handlers of other transports are prepared; before Nest registers them as well. */
const HANDLERS_PREPARED = Symbol.for('tenantry/handlers-prepared');

/** Injection token: whether Fastify's routes are prepared; they have to be before Nest registers them. */
const FASTIFY_PREPARED = Symbol.for('tenantry/fastify-prepared');

const PUBLIC_PROVIDERS = [
  TenantContext,
  TenantConnectionService,
  TenantPool,
  TenantCache,
  TenantPaths,
  TenantJobs,
  TenantLookup,
  TenantAvailability,
  AdminKey,
  CredentialResolver,
  TenantFinder,
];

const RESOLVING_DEPENDENCIES = [ACCESS_OPTIONS, RouteAccess, RequestIdentification, RequestAdmission, CallAdmission];
type ResolvingDependencies = ConstructorParameters<typeof ResolvingInterceptor>;

/** What guards and interceptors of other modules' controllers need. */
const ACCESS_PROVIDERS = [
  ...[RouteAccess, RequestIdentification, RequestAdmission, CallAdmission],
  ...[OperatorAuthorization, OperatorAdmission],
];

/** GraphQL, sockets, messages and streams. */
const TRANSPORT_PROVIDERS = [
  ...[OpenCalls, TransportCalls, MessageIdentification, GraphqlOperations, GraphqlSubscriptions, GraphqlSchemas],
  ...[AccessGuard, ResolvingInterceptor, StreamInterceptor, TransportHandlers, GatewayHandshakes, PreparedHandlers],
];

registerInjectables([...PUBLIC_PROVIDERS, ...ACCESS_PROVIDERS]);

/** Identifies the tenant of a request and gives access to that tenant's rows. */
@Module({})
export class TenantModule implements NestModule {
  constructor(
    private readonly contexts: OpenContexts,
    private readonly handlers: PreparedHandlers,
  ) {}

  static register({
    guard,
    resolveAfterGuards,
    resolver,
    messageResolver,
    imports = [],
  }: TenantModuleOptions): DynamicModule {
    const options: AccessOptions = { guard, resolveAfterGuards };
    const accessOptions = { provide: ACCESS_OPTIONS, useValue: options };
    const copies = providersForCopies([...PUBLIC_PROVIDERS, ...ACCESS_PROVIDERS]);
    return {
      module: TenantModule,
      global: true,
      imports: [CacheModule, ...imports],
      providers: [
        ...PUBLIC_PROVIDERS,
        ...ACCESS_PROVIDERS,
        ...TRANSPORT_PROVIDERS,
        ...copies,
        accessOptions,
        TenantCarriers,
        PositionHeader,
        TenantDirectory,
        SettingsReader,
        TenantAdmission,
        TenantFleet,
        TenantReportReader,
        UsageCounter,
        UsageWriter,
        CountedResponses,
        CronJobs,
        CronRecords,
        CronRunner,
        RunningInstances,
        StoredAmounts,
        {
          provide: JobSlots,
          inject: [APP_CONFIG, REDIS_TIER, RunningInstances],
          useFactory: createSlots,
        },
        {
          provide: RequestLimiter,
          inject: [APP_CONFIG, REDIS_TIER, RunningInstances],
          useFactory: createLimiter,
        },
        TargetWatch,
        JwtVerifier,
        RefusedAttempts,
        OperatorKeyLookup,
        OperatorSessionLookup,
        OperatorRefusals,
        OperatorResponses,
        Authenticator,
        OpenContexts,
        {
          provide: FASTIFY_PREPARED,
          inject: [OpenContexts],
          useFactory: (contexts: OpenContexts) => contexts.prepareFastify(),
        },
        {
          provide: HANDLERS_PREPARED,
          inject: [PreparedHandlers],
          useFactory: (handlers: PreparedHandlers) => handlers.prepare(),
        },
        ...(messageResolver ? [{ provide: MESSAGE_RESOLVER, useClass: messageResolver }] : []),
        ...(resolver ? [{ provide: TENANT_RESOLVER, useClass: resolver }] : []),
        ...globalProviders(options),
      ],
      exports: [
        ...PUBLIC_PROVIDERS,
        ...ACCESS_PROVIDERS,
        ...copies.map(({ provide }) => provide),
        ACCESS_OPTIONS,
        CronJobs,
        RequestLimiter,
        StoredAmounts,
        JobSlots,
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    this.handlers.checkGraphql();
    this.contexts.applyTo(consumer);
  }
}

function createLimiter(
  { cache }: AppConfig,
  redis: RedisTier | undefined,
  instances: RunningInstances,
): RequestLimiter {
  const lease: LeaseTokens | undefined =
    redis && ((request) => leaseFromRedis(redis, `${cache.redis.keyPrefix}:`, request));
  return new RequestLimiter(lease, () => instances.count());
}

function createSlots({ cache }: AppConfig, redis: RedisTier | undefined, instances: RunningInstances): JobSlots {
  return new JobSlots(redis && new RedisSlots(redis, `${cache.redis.keyPrefix}:`), () => instances.count());
}

function globalProviders({ guard, resolveAfterGuards }: AccessOptions): Provider[] {
  if (guard !== 'global') return [];
  return [
    { provide: APP_GUARD, useClass: AccessGuard },
    {
      provide: APP_INTERCEPTOR,
      inject: [{ token: HAS_PROBLEM_FILTER, optional: true }, ...RESOLVING_DEPENDENCIES],
      useFactory: (hasProblemFilter: boolean | undefined, ...dependencies: ResolvingDependencies) =>
        resolveAfterGuards || !hasProblemFilter ? new ResolvingInterceptor(...dependencies) : undefined,
    },
  ];
}
