import { useState } from 'preact/hooks';
import { call, part, query } from '../api/client.js';
import type { CreatedTenant, Operation, Tenant } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { goTo, linkTo } from '../app/route.js';
import { usePages } from '../app/use-data.js';
import { announce } from '../parts/announcer.js';
import { Action, Page, Status } from '../parts/basics.js';
import { Choice, Field, Form, TextArea, words } from '../parts/form.js';
import { labelsOf } from '../parts/labels.js';
import { VirtualTable } from '../parts/virtual-table.js';

export const ISOLATIONS = ['row', 'schema', 'database'] as const;
const STATUSES = ['provisioning', 'active', 'suspended', 'maintenance', 'moving', 'deleting', 'failed'] as const;

export function TenantsPage() {
  const { operate, operateInstallation } = useRights();
  const [filter, setFilter] = useState<Record<string, string>>({});
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const tenants = usePages<Tenant>(`tenants${query({ ...filter, limit: 200 })}`);
  const narrow = (name: string, value: string): void => setFilter((former) => ({ ...former, [name]: value }));
  const toggle = (slug: string): void =>
    setChosen(
      (former) => new Set(former.has(slug) ? [...former].filter((other) => other !== slug) : [...former, slug]),
    );

  const forAll = async (action: 'suspend' | 'resume'): Promise<void> => {
    const failures: string[] = [];
    for (const slug of chosen) {
      await call(`tenants/${part(slug)}/${action}`, { method: 'POST' }).catch((error: unknown) =>
        failures.push(`${slug}: ${(error as Error).message}`),
      );
    }
    tenants.reload();
    if (failures.length > 0) throw new Error(failures.join('; '));
    announce(`${action} of ${chosen.size} tenants done`);
    setChosen(new Set());
  };

  return (
    <Page title="Tenants">
      {operateInstallation && <NewTenant />}
      {operateInstallation && <NewTenants />}
      <div class="filters" role="search">
        <label>
          Search
          <input type="search" onInput={(event) => narrow('search', event.currentTarget.value.toLowerCase())} />
        </label>
        <Choice
          label="Status"
          name="status"
          options={STATUSES}
          none="any"
          onChange={(value) => narrow('status', value)}
        />
        <Choice
          label="Isolation"
          name="isolation"
          options={ISOLATIONS}
          none="any"
          onChange={(value) => narrow('isolation', value)}
        />
        <label>
          Server
          <input onChange={(event) => narrow('server', event.currentTarget.value)} />
        </label>
        <label>
          Group
          <input onChange={(event) => narrow('group', event.currentTarget.value)} />
        </label>
      </div>
      {operate && chosen.size > 0 && (
        <div class="actions" role="group" aria-label={`${chosen.size} chosen tenants`}>
          <Action label={`Suspend ${chosen.size}`} isDangerous run={() => forAll('suspend')} />
          <Action label={`Resume ${chosen.size}`} run={() => forAll('resume')} />
        </div>
      )}
      <VirtualTable
        caption={`Tenants: ${tenants.items.length} read${tenants.hasMore ? ', more follow' : ''}`}
        columns={[...(operate ? ['Choose'] : []), 'Slug', 'Status', 'Isolation', 'Server', 'Plan', 'Groups']}
        pages={tenants}
        keyOf={({ id }) => id}
      >
        {({ slug, status, isolation, server, plan, groups }) => (
          <>
            {operate && (
              <td>
                <input
                  type="checkbox"
                  aria-label={`choose ${slug}`}
                  checked={chosen.has(slug)}
                  onChange={() => toggle(slug)}
                />
              </td>
            )}
            <th scope="row" title={slug}>
              <a href={linkTo('tenants', slug)}>{slug}</a>
            </th>
            <td>
              <Status of={status} />
            </td>
            <td>{isolation}</td>
            <td>{server}</td>
            <td>{plan}</td>
            <td>{groups.join(', ')}</td>
          </>
        )}
      </VirtualTable>
    </Page>
  );
}

function NewTenant() {
  return (
    <Form
      title="Create a tenant"
      submit="Create"
      onSubmit={async ({ slug = '', isolation, server, labels, groups }) => {
        const body = {
          ...{ slug, isolation },
          ...(server && { server }),
          ...(labels && { placement: labelsOf(labels) }),
          ...(groups && { groups: words(groups) }),
        };
        const created = await call<CreatedTenant>('tenants', { method: 'POST', body });
        announce(`Tenant ${slug} is being provisioned`);
        goTo('operations', created.operation.id);
      }}
    >
      <Field label="Slug" name="slug" isRequired />
      <Choice label="Isolation" name="isolation" options={ISOLATIONS} />
      <Field label="Server" name="server" hint="empty: one with the labels, or default" />
      <Field label="Labels of its server" name="labels" hint="region=eu tier=gold" />
      <Field label="Groups" name="groups" />
    </Form>
  );
}

/** Up to 1,000, with one operation. */
function NewTenants() {
  return (
    <Form
      title="Create many tenants"
      submit="Create all of them"
      onSubmit={async ({ lines = '' }) => {
        const tenants = lines
          .split('\n')
          .map(words)
          .filter((line) => line.length > 0)
          .map(([slug, isolation, server]) => ({ slug, isolation, ...(server && { server }) }));
        goTo('operations', (await call<Operation>('tenants/bulk', { method: 'POST', body: { tenants } })).id);
      }}
    >
      <TextArea
        label="Tenants"
        name="lines"
        hint="one per line: slug, isolation, and the server unless it is the default"
      />
    </Form>
  );
}
