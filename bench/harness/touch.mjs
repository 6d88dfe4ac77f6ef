import { apiKeyOf, orderIdOf } from '../fixtures/names.mjs';

const CONCURRENCY = 16;

/**
 * Sends requests as each of the first `tenants` row tenants, so that their cache entries are filled.
 *
 * @param times requests per tenant
 */
export async function touch({ name, url }, { tenants, orders, times = 1 }) {
  let next = 0;
  const caller = async () => {
    for (let n = next++; n < tenants * times; n = next++) {
      const tenant = n % tenants;
      const headers = { authorization: `Bearer ${apiKeyOf('row', tenant).token}` };
      const response = await fetch(`${url}/api/v1/orders/${orderIdOf('row', tenant, orders - 1)}`, { headers });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${name} answered tenant ${tenant} with ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
}
