import { useState } from 'preact/hooks';
import { labelsText } from '../../../src/catalog/model/labels.js';
import { call, part } from '../api/client.js';
import type { Operation, Rebalance as RebalanceView, Server, ServerConnections } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { goTo } from '../app/route.js';
import { useData } from '../app/use-data.js';
import { announce } from '../parts/announcer.js';
import { number } from '../parts/bars.js';
import { Action, Loading, Page, Problem, Table } from '../parts/basics.js';
import { Choice, Field, Form } from '../parts/form.js';
import { labelsOf } from '../parts/labels.js';

const LIVE_MS = 5_000;
const TLS_MODES = ['disable', 'require', 'verify-full'] as const;

export function ServersPage() {
  const { administer } = useRights();
  const servers = useData<readonly Server[]>('servers');
  const connections = useData<readonly ServerConnections[]>('connections', LIVE_MS);
  return (
    <Page title="Servers">
      {administer && <NewServer onChange={servers.reload} />}
      <Problem error={servers.error ?? connections.error} />
      <Table
        caption="PostgreSQL servers"
        columns={[
          ...[
            'Name',
            'Address',
            'TLS',
            'Labels',
            'Tenants',
            'Stored',
            'Databases',
            'Connections',
            'Lent to instances',
            'Placement',
          ],
          ...(administer ? ['Change'] : []),
        ]}
      >
        {servers.value?.map((server) => (
          <tr key={server.id}>
            <th scope="row">{server.name}</th>
            <td>{addressesText(server)}</td>
            <td>{server.tls}</td>
            <td>{labelsText(server.labels)}</td>
            <td>{ofAtMost(number(server.tenants), server.maxTenants)}</td>
            <td>{ofAtMost(number(server.storedBytes), server.maxBytes)}</td>
            <td>{number(server.databases)}</td>
            <td>{connectionsText(connections.value?.find((each) => each.server === server.name))}</td>
            <td>{lentText(connections.value?.find((each) => each.server === server.name))}</td>
            <td>{server.draining ? 'draining' : 'open'}</td>
            {administer && (
              <td>
                <ServerChanges server={server} onChange={servers.reload} />
              </td>
            )}
          </tr>
        ))}
      </Table>
      <Rebalance administer={administer} />
    </Page>
  );
}

function addressesText({ host, port, furtherAddresses }: Server): string {
  if (host === null) return 'DATABASE_URL';
  return [{ host, port }, ...furtherAddresses].map((address) => `${address.host}:${address.port}`).join(', ');
}

function ofAtMost(count: string, max: number | null): string {
  return max === null ? count : `${count} of ${number(max)}`;
}

function connectionsText(connections: ServerConnections | undefined): string {
  if (!connections) return '';
  const { open, max } = connections;
  return max === null ? 'does not answer' : `${open} of ${max}`;
}

function lentText(connections: ServerConnections | undefined): string {
  if (!connections) return '';
  const { lent, limit } = connections;
  return limit === null ? String(lent) : `${lent} of ${limit}`;
}

function asNumber(text: string | undefined): number | null {
  return text ? Number(text) : null;
}

interface ServerChangesProps {
  readonly server: Server;
  readonly onChange: () => void;
}

function ServerChanges({ server, onChange }: ServerChangesProps) {
  const { name, host, draining, tenants } = server;
  const path = `servers/${part(name)}`;
  const change = async (done: string, ...request: Parameters<typeof call>): Promise<void> => {
    await call(...request);
    announce(done);
    onChange();
  };
  return (
    <>
      {draining ? (
        <Action
          label={`Undrain ${name}`}
          run={() => change(`${name} gets tenants again`, `${path}/undrain`, { method: 'POST' })}
        />
      ) : (
        <Action
          label={`Drain ${name}`}
          isDangerous
          run={() => change(`${name} gets no further tenants`, `${path}/drain`, { method: 'POST' })}
        />
      )}{' '}
      {draining && host !== null && tenants === 0 && (
        <Action
          label={`Remove ${name}`}
          isDangerous
          run={() => change(`${name} is no longer registered`, path, { method: 'DELETE' })}
        />
      )}
      <Form
        title={`Limit of ${name}`}
        submit="Save"
        onSubmit={async ({ limit, tenants: maxTenants, bytes, labels }, changed) => {
          if (changed.size === 0) return announce('Nothing was changed');
          // Other fields may be out of date: another operator has changed them since they were read.
          const body = {
            ...(changed.has('limit') && { maxConnections: asNumber(limit) }),
            ...(changed.has('tenants') && { maxTenants: asNumber(maxTenants) }),
            ...(changed.has('bytes') && { maxBytes: asNumber(bytes) }),
            ...(changed.has('labels') && { labels: labelsOf(labels) }),
          };
          await change('Saved', path, { method: 'PATCH', body });
        }}
      >
        <Field
          label="Connections of all instances"
          name="limit"
          type="number"
          value={String(server.maxConnections ?? '')}
          hint="empty: what the server allows, less a tenth"
        />
        <Field label="Most tenants" name="tenants" type="number" value={String(server.maxTenants ?? '')} />
        <Field label="Most stored bytes" name="bytes" type="number" value={String(server.maxBytes ?? '')} />
        <Field label="Labels" name="labels" value={labelsText(server.labels)} hint="region=eu tier=gold" />
      </Form>
    </>
  );
}

function NewServer({ onChange }: { readonly onChange: () => void }) {
  return (
    <Form
      title="Register a server"
      submit="Register"
      onSubmit={async ({ name, host, port, tls, ownerRole, ownerPassword }) => {
        const body = { name, host, ...(port && { port: Number(port) }), tls, ownerRole, ownerPassword };
        await call('servers', { method: 'POST', body });
        announce(`${name} is registered`);
        onChange();
      }}
    >
      <Field label="Name" name="name" isRequired />
      <Field label="Host" name="host" isRequired />
      <Field label="Port" name="port" type="number" value="5432" />
      <Choice label="TLS" name="tls" options={TLS_MODES} />
      <Field label="Owner's role" name="ownerRole" isRequired hint="with CREATEDB and CREATEROLE" />
      <Field label="Owner's password" name="ownerPassword" type="password" isRequired />
    </Form>
  );
}

/** Asked for, because it reads the sizes and the usage of all tenants. */
function Rebalance({ administer }: { readonly administer: boolean }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <section>
      <h2>Moves between servers</h2>
      {isAsked ? (
        <Proposal administer={administer} />
      ) : (
        <button type="button" onClick={() => setAsked(true)}>
          Propose moves
        </button>
      )}
    </section>
  );
}

function Proposal({ administer }: { readonly administer: boolean }) {
  const { value, error } = useData<RebalanceView>('rebalance');
  const request = async (): Promise<void> => {
    const operation = await call<Operation>('operations', { method: 'POST', body: { kind: 'rebalance' } });
    goTo('operations', operation.id);
  };
  return (
    <>
      <Problem error={error} />
      <Loading when={!value && !error} />
      {value && (
        <>
          <p>
            {value.moves.length === 0
              ? 'No move would help.'
              : `${value.moves.length} moves of ${number(value.bytes)} bytes: the fullest server goes from ${value.fullest.before.toFixed(2)} ` +
                `to ${value.fullest.after.toFixed(2)} times its fair part of tenants, bytes and time in PostgreSQL.`}
          </p>
          {value.moves.length > 0 && (
            <Table caption="Proposed moves" columns={['Tenant', 'From', 'To', 'Bytes', 'Reason']}>
              {value.moves.map((move) => (
                <tr key={move.tenantId}>
                  <th scope="row">{move.tenant}</th>
                  <td>{move.from}</td>
                  <td>{move.to}</td>
                  <td>{number(move.bytes)}</td>
                  <td>{move.reason}</td>
                </tr>
              ))}
            </Table>
          )}
          {administer && value.moves.length > 0 && <Action label="Make these moves" isDangerous run={request} />}
        </>
      )}
    </>
  );
}
