import { useState } from 'preact/hooks';
import { call, part } from '../api/client.js';
import type { IssuedOperatorKey, Operator } from '../api/types.js';
import { useData } from '../app/use-data.js';
import { announce } from '../parts/announcer.js';
import { Action, Page, Problem, ShownOnce, Table, Time } from '../parts/basics.js';
import { Choice, Field, Form, words } from '../parts/form.js';

const ROLES = ['viewer', 'operator', 'admin'] as const;

export function OperatorsPage() {
  const operators = useData<{ readonly items: readonly Operator[] }>('operators');
  const [token, setToken] = useState('');
  const revoke = async (name: string): Promise<void> => {
    await call(`operators/${part(name)}`, { method: 'DELETE' });
    announce(`Operator ${name} is revoked`);
    operators.reload();
  };
  return (
    <Page title="Operators">
      {token && <ShownOnce token={token} onClose={() => setToken('')} />}
      <Form
        title="Create an operator"
        submit="Create"
        onSubmit={async ({ name, role, tenants, groups, days }) => {
          const limits = { tenants: words(tenants), groups: words(groups) };
          const isLimited = limits.tenants.length + limits.groups.length > 0;
          const body = {
            name,
            role,
            ...(isLimited && { limitedTo: limits }),
            ...(days && { expiresInDays: Number(days) }),
          };
          setToken((await call<IssuedOperatorKey>('operators', { method: 'POST', body })).token);
          operators.reload();
        }}
      >
        <Field label="Name" name="name" isRequired />
        <Choice label="Role" name="role" options={ROLES} />
        <Field label="Only these tenants" name="tenants" hint="slugs; empty with no groups: all" />
        <Field label="Only these groups" name="groups" />
        <Field label="Key expires in days" name="days" type="number" hint="empty: never" />
      </Form>
      <Problem error={operators.error} />
      <Table caption="Operators" columns={['Name', 'Role', 'Limited to', 'Keys', 'Created', 'Revoked', 'Change']}>
        {operators.value?.items.map(({ name, role, limitedTo, keys, createdAt, revokedAt }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{role}</td>
            <td>{limitedTo ? [...limitedTo.tenants, ...limitedTo.groups].join(', ') : 'not limited'}</td>
            <td>{keys.filter((key) => key.revokedAt === null).length}</td>
            <td>
              <Time at={createdAt} />
            </td>
            <td>
              <Time at={revokedAt} />
            </td>
            <td>{revokedAt === null && <Action label={`Revoke ${name}`} isDangerous run={() => revoke(name)} />}</td>
          </tr>
        ))}
      </Table>
    </Page>
  );
}
