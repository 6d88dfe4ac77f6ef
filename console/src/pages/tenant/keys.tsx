import { useState } from 'preact/hooks';
import { call, part } from '../../api/client.js';
import type { ApiKey, IssuedApiKey } from '../../api/types.js';
import { useRights } from '../../app/rights.js';
import { useData } from '../../app/use-data.js';
import { announce } from '../../parts/announcer.js';
import { Action, Problem, ShownOnce, Table, Time } from '../../parts/basics.js';
import { Field, Form } from '../../parts/form.js';

export function TenantKeys({ slug }: { readonly slug: string }) {
  const { operate } = useRights();
  const path = `tenants/${part(slug)}/api-keys`;
  const keys = useData<readonly ApiKey[]>(path);
  const [token, setToken] = useState('');
  const revoke = async (id: string): Promise<void> => {
    await call(`${path}/${part(id)}`, { method: 'DELETE' });
    announce('The key is revoked');
    keys.reload();
  };
  return (
    <section aria-label="Keys">
      <h2>API keys</h2>
      {token && <ShownOnce token={token} onClose={() => setToken('')} />}
      {operate && (
        <Form
          title="Issue a key"
          submit="Issue"
          onSubmit={async ({ name, days }) => {
            const body = { ...(name && { name }), ...(days && { expiresInDays: Number(days) }) };
            setToken((await call<IssuedApiKey>(path, { method: 'POST', body })).token);
            keys.reload();
          }}
        >
          <Field label="Purpose" name="name" />
          <Field label="Expires in days" name="days" type="number" hint="empty: never" />
        </Form>
      )}
      <Problem error={keys.error} />
      <Table
        caption="Keys of this tenant"
        columns={['Id', 'Purpose', 'Created', 'Expires', 'Revoked', ...(operate ? ['Change'] : [])]}
      >
        {keys.value?.map(({ id, name, createdAt, expiresAt, revokedAt }) => (
          <tr key={id}>
            <th scope="row">{id}</th>
            <td>{name}</td>
            <td>
              <Time at={createdAt} />
            </td>
            <td>
              <Time at={expiresAt} />
            </td>
            <td>
              <Time at={revokedAt} />
            </td>
            {operate && (
              <td>{revokedAt === null && <Action label={`Revoke ${id}`} isDangerous run={() => revoke(id)} />}</td>
            )}
          </tr>
        ))}
      </Table>
    </section>
  );
}
