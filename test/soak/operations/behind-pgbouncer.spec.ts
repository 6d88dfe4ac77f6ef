import { afterAll, beforeAll, describe } from '@jest/globals';
import { identificationContract } from '../../contracts/identification.js';
import { isolationContract } from '../../contracts/isolation.js';
import { launchBehind } from '../../contracts/launch.js';
import { problemsContract } from '../../contracts/problems.js';
import { publicRoutesContract } from '../../contracts/public-routes.js';
import { tenantStatusContract } from '../../contracts/tenant-status.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';

let pooler: PgBouncer;

beforeAll(async () => {
  // Three connections for each login role and database, for the fifteen clients that a pool of ours may be.
  pooler = await PgBouncer.start({ poolMode: 'transaction', poolSize: 3 });
});

afterAll(() => pooler.stop());

const launch = launchBehind(() => pooler);

describe.each([
  ['identification', identificationContract],
  ['isolation', isolationContract],
  ['problems', problemsContract],
  ['public routes', publicRoutesContract],
  ['the status of a tenant', tenantStatusContract],
])('behind PgBouncer in transaction mode: %s', (_name, contract) => {
  contract(launch);
});
