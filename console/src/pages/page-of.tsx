import type { JSX } from 'preact';
import type { Route } from '../app/route.js';
import { AuditPage } from './audit.js';
import { BackupsPage } from './backups.js';
import { DoctorPage } from './doctor.js';
import { InstancesPage } from './instances.js';
import { MigrationsPage } from './migrations.js';
import { OperationPage } from './operation.js';
import { OperationsPage } from './operations.js';
import { OperatorsPage } from './operators.js';
import { OverviewPage } from './overview.js';
import { PlansPage } from './plans.js';
import { ServersPage } from './servers.js';
import { TenantPage } from './tenant/tenant.js';
import { TenantsPage } from './tenants.js';

export function pageOf([name, id]: Route): JSX.Element {
  switch (name) {
    case 'tenants':
      return id === undefined ? <TenantsPage /> : <TenantPage key={id} slug={id} />;
    case 'operations':
      return id === undefined ? <OperationsPage /> : <OperationPage key={id} id={id} />;
    case 'plans':
      return <PlansPage />;
    case 'servers':
      return <ServersPage />;
    case 'instances':
      return <InstancesPage />;
    case 'migrations':
      return <MigrationsPage />;
    case 'backups':
      return <BackupsPage />;
    case 'audit':
      return <AuditPage />;
    case 'doctor':
      return <DoctorPage />;
    case 'operators':
      return <OperatorsPage />;
    default:
      return <OverviewPage />;
  }
}
