import { part } from '../../api/client.js';
import type { Tenant, TenantHealth } from '../../api/types.js';
import { useRights } from '../../app/rights.js';
import { useData } from '../../app/use-data.js';
import { Facts, Loading, Page, Problem, Status } from '../../parts/basics.js';
import { labelsText } from '../../../../src/catalog/model/labels.js';
import { AuditList } from '../audit.js';
import { OperationList } from '../operations.js';
import { TenantActions } from './actions.js';
import { TenantChanges } from './changes.js';
import { TenantCopies } from './copies.js';
import { TenantCredentials } from './credentials.js';
import { TenantDeletion } from './deletion.js';
import { TenantImpersonation } from './impersonation.js';
import { TenantKeys } from './keys.js';
import { TenantMove } from './move.js';
import { TenantSettings } from './settings.js';
import { TenantStoredSize } from './stored-size.js';
import { TenantUsage } from './usage.js';

export function TenantPage({ slug }: { readonly slug: string }) {
  const { operate, seeInstallation, administer } = useRights();
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
              ['Wanted labels', value.placement && (labelsText(value.placement) || 'any server')],
              ['Database', value.database],
              ['Schema', value.schema],
              ['Newest migration', value.schemaVersion],
              ['Health', health.error?.message ?? healthText(health.value)],
              ['Domains', value.domains.join(', ')],
              ['Groups', value.groups.join(', ')],
              ['Plan', value.plan],
            ]}
          />
          {operate && <TenantActions tenant={value} onChange={reload} />}
          <TenantDeletion tenant={value} onChange={reload} />
          <TenantUsage slug={slug} />
          <TenantStoredSize slug={slug} />
          <TenantSettings tenant={value} onChange={reload} />
          {operate && <TenantChanges tenant={value} onChange={reload} />}
          {operate && <TenantMove tenant={value} />}
          <TenantKeys slug={slug} />
          {operate && <TenantImpersonation slug={slug} onChange={reload} />}
          {administer && <TenantCredentials slug={slug} />}
          {(seeInstallation || operate) && <TenantCopies tenant={value} />}
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
