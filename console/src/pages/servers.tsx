import { call, part } from '../api/client.js';
import type { Server } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { useData } from '../app/use-data.js';
import { announce } from '../parts/announcer.js';
import { Action, Page, Problem, Table } from '../parts/basics.js';

export function ServersPage() {
  const { administer } = useRights();
  const servers = useData<readonly Server[]>('servers');
  const change = async (name: string, action: 'drain' | 'undrain'): Promise<void> => {
    await call(`servers/${part(name)}/${action}`, { method: 'POST' });
    announce(`${action} of ${name} done`);
    servers.reload();
  };
  return (
    <Page title="Servers">
      <Problem error={servers.error} />
      <Table
        caption="PostgreSQL servers"
        columns={[
          'Name',
          'Address',
          'TLS',
          'Tenants',
          'Databases',
          'Limit',
          'Placement',
          ...(administer ? ['Change'] : []),
        ]}
      >
        {servers.value?.map(({ name, host, port, tls, tenants, databases, maxConnections, draining }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{host === null ? 'DATABASE_URL' : `${host}:${port}`}</td>
            <td>{tls}</td>
            <td>{tenants}</td>
            <td>{databases}</td>
            <td>{maxConnections ?? 'default'}</td>
            <td>{draining ? 'draining' : 'open'}</td>
            {administer && (
              <td>
                {draining ? (
                  <Action label={`Undrain ${name}`} run={() => change(name, 'undrain')} />
                ) : (
                  <Action label={`Drain ${name}`} isDangerous run={() => change(name, 'drain')} />
                )}
              </td>
            )}
          </tr>
        ))}
      </Table>
    </Page>
  );
}
