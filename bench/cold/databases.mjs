import { randomBytes, randomUUID } from 'node:crypto';
import { ensureKey } from '../../dist/database/isolation/installed-keys.js';
import { installIsolationFunctions } from '../../dist/database/isolation/isolation-functions.js';
import { createPoliciesSql } from '../../dist/database/isolation/tenant-policies.js';
import { createStamp } from '../../dist/database/statements/stamps/stamp.js';

const TEMPLATE = 'cold_template';

/**
 * Databases of one tenant each, with a table of orders under row-level security and a login role of their own, as
 * provisioning leaves them.
 */
export async function makeDatabases(postgres, count) {
  const { hostname, port } = new URL(postgres.url);
  await postgres.client.query(`CREATE DATABASE ${TEMPLATE}`);
  const key = await postgres.withClient(TEMPLATE, async (owner) => {
    await installIsolationFunctions(owner, 'refused');
    await owner.query(`
      CREATE SCHEMA tenant;
      CREATE TABLE tenant.orders (tenant_id uuid, id int, number text, total bigint, PRIMARY KEY (tenant_id, id));
      ALTER TABLE tenant.orders ENABLE ROW LEVEL SECURITY; ${createPoliciesSql('tenant.orders').join(';')}`);
    return ensureKey(owner);
  });
  const databases = [];
  for (let n = 0; n < count; n++) databases.push(await makeDatabase(postgres, `cold_${n}`));
  return databases.map(({ name, tenantId, password }) => ({
    ...{ host: hostname, port: Number(port), database: name, role: name, password },
    superuserUrl: postgres.urlOf({ database: name }),
    stamp: createStamp(tenantId, 'tenant', { key }),
  }));
}

async function makeDatabase(postgres, name) {
  const [tenantId, password] = [randomUUID(), randomBytes(12).toString('hex')];
  await postgres.client.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
  await postgres.client.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  await postgres.withClient(name, async (owner) => {
    await owner.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC; GRANT CONNECT ON DATABASE ${name} TO ${name};
      GRANT USAGE ON SCHEMA tenant TO ${name}; GRANT SELECT, INSERT, UPDATE, DELETE ON tenant.orders TO ${name}`);
    await owner.query(`INSERT INTO tenant.orders SELECT $1, n, 'A-' || n, n FROM generate_series(1, 200) n`, [
      tenantId,
    ]);
  });
  return { name, tenantId, password };
}
