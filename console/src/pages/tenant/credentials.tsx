import { call } from '../../api/client.js';
import type { NewOperation, Operation } from '../../api/types.js';
import { goTo } from '../../app/route.js';
import { Action } from '../../parts/basics.js';

/** Replaces what the application presents to PostgreSQL for the tenant; tenants of the same database get it, too. */
export function TenantCredentials({ slug }: { readonly slug: string }) {
  const start = async (body: NewOperation): Promise<void> =>
    goTo('operations', (await call<Operation>('operations', { method: 'POST', body })).id);
  return (
    <section aria-label="Credentials">
      <h2>Credentials in PostgreSQL</h2>
      <div class="actions">
        <Action label="Replace the login role" run={() => start({ kind: 'rotate-credentials', tenant: slug })} />
        <Action label="Replace the key of stamps" run={() => start({ kind: 'rotate-stamp-key', tenant: slug })} />
      </div>
    </section>
  );
}
