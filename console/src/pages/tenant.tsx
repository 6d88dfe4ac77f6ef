import { call, part } from '../api/client.js';
import type { Tenant, TenantHealth } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { useData } from '../app/use-data.js';
import { announce } from '../parts/announcer.js';
import { Facts, Loading, Page, Problem, Status } from '../parts/basics.js';
import { Field, Form, words } from '../parts/form.js';
import { AuditList } from './audit.js';
import { OperationList } from './operations.js';
import { TenantActions } from './tenant-actions.js';
import { TenantDeletion } from './tenant-deletion.js';
import { TenantKeys } from './tenant-keys.js';
import { TenantMove } from './tenant-move.js';

export function TenantPage({ slug }: { readonly slug: string }) {
  const { operate } = useRights();
  const tenant = useData<Tenant>(`tenants/${part(slug)}`);
  const health = useData<TenantHealth>(`tenants/${part(slug)}/health`);
  const reload = (): void => {
    tenant.reload();
    health.reload();
  };
  const { value } = tenant;
  return (
    <Page title={`Tenant ${slug}`}>
      <Problem error={tenant.error} />
      <Loading when={!value && !tenant.error} />
      {value && (
        <>
          <Facts
            of={[
              ['Status', <Status key="status" of={value.status} />],
              ['Message', value.message],
              ['Isolation', value.isolation],
              ['Server', value.server],
              ['Database', value.database],
              ['Schema', value.schema],
              ['Newest migration', value.schemaVersion],
              ['Health', health.error?.message ?? healthText(health.value)],
              ['Domains', value.domains.join(', ')],
              ['Groups', value.groups.join(', ')],
              ['Concurrent statements', value.limits.maxConcurrentStatements ?? 'default'],
              ['Queued statements', value.limits.maxQueuedStatements ?? 'default'],
            ]}
          />
          {operate && <TenantActions tenant={value} onChange={reload} />}
          <TenantDeletion tenant={value} onChange={reload} />
          {operate && <TenantChanges tenant={value} onChange={reload} />}
          {operate && <TenantMove tenant={value} />}
          <TenantKeys slug={slug} />
          <OperationList caption="Operations of this tenant" filter={{ tenant: slug }} />
          <AuditList subject={slug} />
        </>
      )}
    </Page>
  );
}

function healthText(health: TenantHealth | undefined): string | undefined {
  if (!health) return undefined;
  const { database, reason, responseMs } = health;
  return `database ${database}${reason ? ` (${reason})` : ''}${responseMs === undefined ? '' : `, ${responseMs} ms`}`;
}

function TenantChanges({ tenant, onChange }: { readonly tenant: Tenant; readonly onChange: () => void }) {
  const { limits, domains, groups, slug } = tenant;
  return (
    <Form
      key={tenant.version}
      title="Change limits, domains, groups"
      submit="Save"
      onSubmit={async (values) => {
        const body = {
          domains: words(values['domains']),
          groups: words(values['groups']),
          limits: {
            ...(values['concurrent'] && { maxConcurrentStatements: Number(values['concurrent']) }),
            ...(values['queued'] && { maxQueuedStatements: Number(values['queued']) }),
          },
        };
        await call(`tenants/${part(slug)}`, { method: 'PATCH', body });
        announce('Saved');
        onChange();
      }}
    >
      <Field label="Domains" name="domains" value={domains.join(' ')} />
      <Field label="Groups" name="groups" value={groups.join(' ')} />
      <Field
        label="Concurrent statements"
        name="concurrent"
        type="number"
        value={String(limits.maxConcurrentStatements ?? '')}
        hint="empty: default"
      />
      <Field
        label="Queued statements"
        name="queued"
        type="number"
        value={String(limits.maxQueuedStatements ?? '')}
        hint="empty: default"
      />
    </Form>
  );
}
