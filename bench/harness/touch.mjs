import { apiKeyOf, orderIdOf } from '../fixtures/names.mjs';

const AT_ONCE = 16;

/** One request of each of the first `tenants` row tenants: what is cached of them is cached then. */
export async function touch({ name, url }, { tenants, orders }) {
  let next = 0;
  const caller = async () => {
    for (let tenant = next++; tenant < tenants; tenant = next++) {
      const headers = { authorization: `Bearer ${apiKeyOf('row', tenant).token}` };
      const response = await fetch(`${url}/api/v1/orders/${orderIdOf('row', tenant, orders - 1)}`, { headers });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${name} answered tenant ${tenant} with ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
}
