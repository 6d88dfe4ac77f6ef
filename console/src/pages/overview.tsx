import { useState } from 'preact/hooks';
import type { CurrentUsage, ServerConnections, TenantCounts, UsageTotals } from '../api/types.js';
import { query } from '../api/client.js';
import { useRights } from '../app/rights.js';
import { linkTo } from '../app/route.js';
import { useData } from '../app/use-data.js';
import { Bars, number } from '../parts/bars.js';
import { Facts, Loading, Page, Problem, Table } from '../parts/basics.js';
import { barsOf, beginningOf, type Periods } from '../parts/periods.js';

const LIVE_MS = 5_000;
const COUNTS_MS = 15_000;
const HOURS_MS = 60_000;
const LAST_DAY: Periods = { by: 'hour', count: 24 };
const MAX_BUSIEST = 5;

export function OverviewPage() {
  const { seeInstallation } = useRights();
  return (
    <Page title="Overview">
      <Tenants />
      <Requests />
      {seeInstallation && <Connections />}
    </Page>
  );
}

function Tenants() {
  const { value, error } = useData<TenantCounts>('tenant-counts', COUNTS_MS);
  return (
    <section aria-label="Tenants">
      <h2>{value ? `${number(value.total)} tenants` : 'Tenants'}</h2>
      <Problem error={error} />
      <Loading when={!value && !error} />
      {value && (
        <div class="columns">
          <Counts caption="By status" of={value.byStatus} />
          <Counts caption="By isolation" of={value.byIsolation} />
          <Counts caption="By server" of={value.byServer} />
          {Object.keys(value.byPlan).length > 0 && <Counts caption="By plan" of={value.byPlan} />}
        </div>
      )}
    </section>
  );
}

function Counts({ caption, of }: { readonly caption: string; readonly of: Readonly<Record<string, number>> }) {
  return (
    <Table caption={caption} columns={[caption.slice('By '.length), 'Tenants']}>
      {Object.entries(of).map(([name, count]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td>{number(count)}</td>
        </tr>
      ))}
    </Table>
  );
}

function Requests() {
  const [from] = useState(() => beginningOf(LAST_DAY));
  const now = useData<CurrentUsage>('usage/now', LIVE_MS);
  const hours = useData<UsageTotals>(`usage/totals${query({ by: LAST_DAY.by, from })}`, HOURS_MS);
  const totals = now.value?.totals;
  const busiest = now.value?.items.slice(0, MAX_BUSIEST) ?? [];
  return (
    <section aria-label="Requests">
      <h2>Requests of tenants</h2>
      <Problem error={now.error ?? hours.error} />
      {totals && (
        <Facts
          of={[
            ['Requests in the last minute', number(totals.requests)],
            ['Errors in the last minute', number(totals.errors)],
            ['95 % answered within', totals.p95Ms === null ? null : `${number(totals.p95Ms)} ms`],
          ]}
        />
      )}
      {hours.value && (
        <Bars
          label="Requests in the last 24 hours"
          bars={barsOf(LAST_DAY, from, hours.value.items, ({ requests, errors }) => ({ value: requests, bad: errors }))}
        />
      )}
      {busiest.length > 0 && (
        <Table caption="Busiest in the last minute" columns={['Tenant', 'Requests', 'Errors', 'Time']}>
          {busiest.map(({ tenantId, tenant, requests, errors, durationMs }) => (
            <tr key={tenantId}>
              <th scope="row">{tenant === null ? tenantId : <a href={linkTo('tenants', tenant)}>{tenant}</a>}</th>
              <td>{number(requests)}</td>
              <td>{number(errors)}</td>
              <td>{number(durationMs)} ms</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Connections() {
  const { value, error } = useData<readonly ServerConnections[]>('connections', LIVE_MS);
  return (
    <section aria-label="Connections">
      <h2>Connections</h2>
      <Problem error={error} />
      <Table
        caption="Connections of each server against what it admits, live"
        columns={['Server', 'Used', 'Open', 'Admitted', 'This instance', 'Its limit', 'Waiting']}
      >
        {value?.map(({ server, open, max, instance }) => (
          <tr key={server}>
            <th scope="row">{server}</th>
            <td>
              {max === null ? (
                <span class="problem">does not answer</span>
              ) : (
                <meter min={0} max={max} high={max * 0.9} value={open ?? 0} aria-label={`connections of ${server}`} />
              )}
            </td>
            <td>{open}</td>
            <td>{max}</td>
            <td>{instance?.open}</td>
            <td>{instance?.limit}</td>
            <td>{instance?.waiting}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
