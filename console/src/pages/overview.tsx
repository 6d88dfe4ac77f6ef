import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/client.js';
import type { Tenant } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { useData } from '../app/use-data.js';
import { Facts, Loading, Page, Problem, Table } from '../parts/basics.js';

const EVERY_MS = 5_000;
const MAX_PAGES = 100;

/** The parts of `GET /admin/v1/runtime` that are shown. */
interface Runtime {
  readonly node: string;
  readonly pid: number;
  readonly worker: number | null;
  readonly uptimeSeconds: number;
  readonly servers: readonly { server: string; limit: number; open: number; waiting: number }[];
}

export function OverviewPage() {
  const { seeInstallation } = useRights();
  const runtime = useData<Runtime>(seeInstallation ? 'runtime' : '', EVERY_MS);
  return (
    <Page title="Overview">
      <TenantCounts />
      {seeInstallation && (
        <section aria-label="Instance">
          <h2>Responding instance</h2>
          <Problem error={runtime.error} />
          {runtime.value && (
            <>
              <Facts
                of={[
                  ['Process', runtime.value.pid],
                  ['Worker', runtime.value.worker],
                  ['Node.js', runtime.value.node],
                  ['Up for', `${runtime.value.uptimeSeconds} s`],
                ]}
              />
              <Table
                caption="Connections of this instance, live"
                columns={['Server', 'Open', 'Limit', 'Waiting', 'Used']}
              >
                {runtime.value.servers.map(({ server, open, limit, waiting }) => (
                  <tr key={server}>
                    <th scope="row">{server}</th>
                    <td>{open}</td>
                    <td>{limit}</td>
                    <td>{waiting}</td>
                    <td>
                      <meter min={0} max={limit} value={open} aria-label={`connections of ${server}`} />
                    </td>
                  </tr>
                ))}
              </Table>
            </>
          )}
        </section>
      )}
    </Page>
  );
}

/** Counted from the list of tenants: the API has no count. */
function TenantCounts() {
  const [tenants, setTenants] = useState<readonly Tenant[]>([]);
  const [state, setState] = useState<'loading' | 'complete' | 'cut'>('loading');
  const [error, setError] = useState<Error>();
  useEffect(() => {
    const abort = new AbortController();
    readAll(abort.signal, setTenants).then(
      (isComplete) => setState(isComplete ? 'complete' : 'cut'),
      (failure: unknown) => abort.signal.aborted || setError(failure as Error),
    );
    return () => abort.abort();
  }, []);
  return (
    <section aria-label="Tenants">
      <h2>
        {tenants.length} tenants{state === 'cut' && ' and more'}
      </h2>
      <Problem error={error} />
      <Loading when={state === 'loading' && !error} />
      <div class="columns">
        <Counts caption="By status" values={tenants.map(({ status }) => status)} />
        <Counts caption="By isolation" values={tenants.map(({ isolation }) => isolation)} />
        <Counts caption="By server" values={tenants.map(({ server }) => server ?? 'none')} />
      </div>
    </section>
  );
}

function Counts({ caption, values }: { readonly caption: string; readonly values: readonly string[] }) {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return (
    <Table caption={caption} columns={['', 'Tenants']}>
      {[...counts]
        .toSorted(([a], [b]) => a.localeCompare(b))
        .map(([value, count]) => (
          <tr key={value}>
            <th scope="row">{value}</th>
            <td>{count}</td>
          </tr>
        ))}
    </Table>
  );
}

/** @returns whether that was all of them */
async function readAll(signal: AbortSignal, onTenants: (tenants: readonly Tenant[]) => void): Promise<boolean> {
  let cursor: string | null = '';
  let tenants: readonly Tenant[] = [];
  for (let page = 0; page < MAX_PAGES && cursor !== null; page++) {
    const path: string = `tenants?limit=1000${cursor && `&cursor=${cursor}`}`;
    const next: { items: readonly Tenant[]; nextCursor: string | null } = await call(path, { signal });
    tenants = [...tenants, ...next.items];
    onTenants(tenants);
    cursor = next.nextCursor;
  }
  return cursor === null;
}
