import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpException, Module, Param } from '@nestjs/common';
import { TooManyFollowersError } from '../../../../src/admin/event-streams/event-streams.errors.js';
import { NoServerWithRoomError } from '../../../../src/admin/placement/placement.errors.js';
import {
  MigrationRequiredError,
  MissingServerRightsError,
} from '../../../../src/admin/provisioning/provisioning.errors.js';
import { LoadTimeoutError } from '../../../../src/cache/contract/cache.errors.js';
import { CatalogBusyError, CatalogUnavailableError } from '../../../../src/catalog/catalog.errors.js';
import { DoctorRunningError } from '../../../../src/doctor/reports/doctor.errors.js';
import { AdminConnectionTimeoutError } from '../../../../src/database/admin-connections/admin-connection.errors.js';
import { TargetUnavailableError } from '../../../../src/database/connection/connection.errors.js';
import { ResultTooLargeError } from '../../../../src/database/connection/result-limit.js';
import {
  LeaseExpiredError,
  PoolEndedError,
  PoolTimeoutError,
  TenantBusyError,
} from '../../../../src/database/pool/pool.errors.js';
import { TenantReadOnlyError } from '../../../../src/database/gates/closed-gate.js';
import { ConnectionLostError, StatementTimeoutError } from '../../../../src/database/statements/statement-failure.js';
import { WrongTenantError } from '../../../../src/database/statements/wrong-tenant.js';
import { TransactionLostError } from '../../../../src/database/transactions/transaction.errors.js';
import { JsonTooDeepError, ShuttingDownError } from '../../../../src/http/problems/http.errors.js';
import { CODED_ERROR, CodedError } from '../../../../src/platform/errors/coded-error.js';
import { STATUS_OF_PUBLIC_CODE } from '../../../../src/platform/errors/public-codes.js';
import { PublicError } from '../../../../src/platform/errors/public-error.js';
import {
  ConflictError,
  ConstraintViolationError,
  NotFoundError,
  ValidationFailedError,
} from '../../../../src/platform/errors/request.errors.js';
import { RoleRequiredError, TenantsLimitedError } from '../../../../src/tenant/operators/operators.errors.js';
import { FeatureDisabledError } from '../../../../src/tenant/features/features.errors.js';
import { ForbiddenError } from '../../../../src/tenant/access/access.errors.js';
import { RateLimitedError } from '../../../../src/tenant/admin-key/admin-key.errors.js';
import {
  TenantGoneError,
  TenantSuspendedError,
  TenantTablesBehindError,
  TenantUnavailableError,
} from '../../../../src/tenant/admission/admission.errors.js';
import { TenantRateLimitedError, TenantStorageLimitError } from '../../../../src/tenant/limits/limits.errors.js';
import { NoTenantContextError, UnknownTenantError } from '../../../../src/tenant/context/context.errors.js';
import {
  OperatorSessionEndedError,
  TenantMismatchError,
  TenantRequiredError,
  UnauthenticatedError,
  UnknownMembershipError,
} from '../../../../src/tenant/identification/identification.errors.js';
import { MeasurementTimeoutError } from '../../../../src/admin/stored-sizes/stored-size.errors.js';
import { BareApplication } from '../../../support/http/bare-application.js';

const SRC = fileURLToPath(new URL('../../../../src/', import.meta.url));
const HOST_NAME = 'db-7.internal';
const COUNTS = { total: 1, busy: 1, idle: 0, waiting: 3 };

const PUBLIC: readonly PublicError[] = [
  new AdminConnectionTimeoutError('default', 4, 1, 100),
  new CatalogBusyError(),
  new CatalogUnavailableError(HOST_NAME, new Error('refused')),
  new ConflictError('taken'),
  new ConnectionLostError(new Error(`connect ECONNREFUSED ${HOST_NAME}`)),
  new ConstraintViolationError({ name: 'key', table: 'orders', columns: ['number'] }, 'taken', { cause: undefined }),
  new FeatureDisabledError('reports'),
  new ForbiddenError('not yours'),
  new RoleRequiredError('admin'),
  new TenantsLimitedError(),
  new JsonTooDeepError(32),
  new LoadTimeoutError('tenant:acme'),
  new MeasurementTimeoutError(30_000),
  new MigrationRequiredError('its tables are behind'),
  new MissingServerRightsError('isolation database', ['CREATEDB']),
  NoServerWithRoomError.named('tenants', 10, 10),
  new NotFoundError('order'),
  new OperatorSessionEndedError(),
  new PoolEndedError(`app@${HOST_NAME}/shop`),
  new PoolTimeoutError(`app@${HOST_NAME}/shop`, COUNTS, 100),
  new RateLimitedError(100),
  new ShuttingDownError(),
  new StatementTimeoutError(new Error('canceled')),
  new TargetUnavailableError(`app@${HOST_NAME}/shop`, new Error('refused')),
  new TenantBusyError(1, 2),
  new TenantGoneError(),
  new TenantRateLimitedError('second', 1),
  new TenantStorageLimitError('bytes'),
  new TenantReadOnlyError(new Error('moved')),
  new TenantMismatchError('host'),
  new TenantRequiredError(),
  new TenantSuspendedError(),
  new TenantTablesBehindError(),
  new TenantUnavailableError('moving'),
  new TooManyFollowersError('this instance already serves 200 operation event streams'),
  new DoctorRunningError(50_000),
  new TransactionLostError(new Error('reset')),
  new UnauthenticatedError('unknown key'),
  new UnknownMembershipError(),
  new UnknownTenantError('acme'),
  new ValidationFailedError([{ field: 'email', message: 'must be an email' }]),
];

const INTERNAL: readonly CodedError[] = [
  new WrongTenantError('a repository of tenant 1 was used for tenant 2', '1', '2'),
  new LeaseExpiredError('held', 1000),
  new ResultTooLargeError(1024),
  new NoTenantContextError(),
];

const ERRORS = new Map([...PUBLIC, ...INTERNAL].map((error) => [error.name, error as Error]));

@Controller()
class ThrowingController {
  @Get(':name')
  raise(@Param('name') name: string): never {
    throw ERRORS.get(name) ?? new Error('unknown');
  }
}

@Module({ controllers: [ThrowingController] })
class HostModule {}

function declaredIn(source: string, pattern: RegExp): string[] {
  return [...source.matchAll(pattern)].map(([, name]) => name ?? '');
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(SRC, path), 'utf8'));

describe('an error for clients, in an application without the problem filter', () => {
  let host: BareApplication;

  beforeAll(async () => {
    host = await BareApplication.start(HostModule, 'express');
  });

  afterAll(async () => {
    await host.stop();
  });

  it('is one of this list', () => {
    const declared = sources.flatMap((source) =>
      declaredIn(source, /class (\w+) extends (?:PublicError|TenantUnavailableError)\b/g),
    );
    expect(PUBLIC.map(({ name }) => name).toSorted()).toEqual(declared.toSorted());
  });

  it.each(PUBLIC.map((error) => [error.name, error] as const))('%s has its status and code', async (name, error) => {
    expect([error instanceof HttpException, error instanceof CodedError]).toEqual([true, true]);
    const { status, body } = await host.call(`/${name}`);
    expect([status, body]).toEqual([
      STATUS_OF_PUBLIC_CODE[error.code],
      {
        statusCode: status,
        code: error.code,
        message: error.publicMessage,
        ...(error instanceof ValidationFailedError && { errors: error.fields }),
        ...(error instanceof ConstraintViolationError && { columns: error.columns }),
      },
    ]);
    expect(JSON.stringify(body)).not.toContain(HOST_NAME);
  });

  it('keeps its details for the log', () => {
    const error = new PoolTimeoutError(`app@${HOST_NAME}/shop`, COUNTS, 100);
    expect(error.message).toContain(HOST_NAME);
    expect(error.stack?.split('\n')[0]).toBe(`PoolTimeoutError: ${error.message}`);
  });

  it.each(INTERNAL.map((error) => [error.name, error] as const))('unlike %s, which Nest logs', async (name, error) => {
    expect([error instanceof HttpException, error instanceof CodedError]).toEqual([false, true]);
    expect((await host.call(`/${name}`)).status).toBe(500);
  });

  it('and unlike every other failure of the server', () => {
    const codes = sources.flatMap((source) => declaredIn(source, /extends CodedError \{\n  readonly code = '(\w+)'/g));
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => code in STATUS_OF_PUBLIC_CODE)).toEqual([]);
  });
});

describe('CodedError', () => {
  it('recognizes errors of another copy of the package, and no other errors', () => {
    class Foreign extends Error {
      readonly [CODED_ERROR] = true;
    }
    expect(new Foreign() instanceof CodedError).toBe(true);
    expect(new Foreign() instanceof NoTenantContextError).toBe(false);
    for (const other of [new Error('no'), { [CODED_ERROR]: true }, null, undefined, 'no']) {
      expect(other instanceof CodedError).toBe(false);
    }
  });

  it('leaves its subclasses their own test', () => {
    expect(new NoTenantContextError() instanceof NoTenantContextError).toBe(true);
    expect(new NoTenantContextError() instanceof WrongTenantError).toBe(false);
    expect(new TenantGoneError() instanceof TenantUnavailableError).toBe(true);
    expect(new ConflictError('taken') instanceof NotFoundError).toBe(false);
  });
});
