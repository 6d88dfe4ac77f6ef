import { randomBytes, randomUUID } from 'node:crypto';
import { ensureKey } from '../../dist/database/isolation/installed-keys.js';
import { installIsolationFunctions } from '../../dist/database/isolation/isolation-functions.js';
import { createPoliciesSql } from '../../dist/database/isolation/tenant-policies.js';
import { createStamp } from '../../dist/database/statements/stamps/stamp.js';

const TENANTS = 32;
const ORDERS = 200;
const ROLE = 'bench_app';

/**
 * A table of orders under row-level security, and a login role that may read it. All tenants have the same order ids, so
 * that a statement under a wrong stamp returns another tenant's order instead of none.
 *
 * @returns the address for the login role, and the stamps of the tenants
 */
export async function makeTenants(owner, url) {
  const password = randomBytes(12).toString('hex');
  const { hostname, port, pathname } = new URL(url);
  const database = pathname.slice(1);
  const ids = Array.from({ length: TENANTS }, () => randomUUID());
  await installIsolationFunctions(owner, 'refused');
  const key = await ensureKey(owner);
  await owner.query(`
    CREATE ROLE ${ROLE} LOGIN PASSWORD '${password}';
    GRANT CONNECT ON DATABASE ${database} TO ${ROLE};
    GRANT USAGE ON SCHEMA public TO ${ROLE};
    CREATE TABLE orders (tenant_id uuid, id int, number text, status text, total bigint, PRIMARY KEY (tenant_id, id));
    GRANT SELECT, UPDATE ON orders TO ${ROLE};
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ${createPoliciesSql('orders').join(';')}`);
  await owner.query(
    `INSERT INTO orders SELECT tenant, n, tenant || '-' || n, 'paid', n * 100
     FROM unnest($1::uuid[]) tenant, generate_series(1, ${ORDERS}) n`,
    [ids],
  );
  await owner.query('VACUUM ANALYZE orders');
  const config = { host: hostname, port: Number(port), database, user: ROLE, password };
  return { config, stamps: ids.map((id) => createStamp(id, 'public', { key })) };
}

/** Reads its own orders in turn, and verifies each. */
export function readOrder({ run }, stamps) {
  let next = 0;
  return async (caller) => {
    const { tenantId } = stamps[caller % stamps.length];
    const id = (next++ % ORDERS) + 1;
    const { rows } = await run(caller, id);
    if (rows.length !== 1 || rows[0].number !== `${tenantId}-${id}`) throw new Error('read a wrong order');
  };
}
