import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { TargetUnavailableError } from '../../../../src/database/connection/connection.errors.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { TenantBusyError } from '../../../../src/database/pool/pool.errors.js';
import { ReplicaAccess } from '../../../../src/database/replicas/replica-access.js';
import { accessTo, TestPool } from '../../../support/pool/test-pool.js';
import { tenantIn } from '../../../support/statements/notes-database.js';

let pool: TestPool;
let tenant: ReplicaAccess;
let neighbour: ReplicaAccess;

const accessOfTenant = (): ReplicaAccess => new ReplicaAccess(accessTo(pool, tenantIn('shared').stamp), pool);

beforeEach(() => {
  pool = new TestPool(targetOfUrl('postgres://role:password@127.0.0.1:1/database', 'server'));
  [tenant, neighbour] = [accessOfTenant(), accessOfTenant()];
});

afterEach(() => pool.end());

it('a tenant whose reads have reached its own limit keeps no other tenant from the replica', async () => {
  tenant.rest(new TenantBusyError(1, 0));
  expect([tenant.isResting, neighbour.isResting]).toEqual([true, false]);
});

it('no tenant waits for a replica to which one has just failed to connect', async () => {
  const failure: unknown = await pool.acquire().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TargetUnavailableError);
  tenant.rest(failure);
  expect([tenant.isResting, neighbour.isResting]).toEqual([true, true]);
});
