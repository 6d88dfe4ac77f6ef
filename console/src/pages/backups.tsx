import { call, part } from '../api/client.js';
import type { Backup, Operation } from '../api/types.js';
import { useRights } from '../app/rights.js';
import { goTo } from '../app/route.js';
import { usePages } from '../app/use-data.js';
import { Action, Loading, Page, Problem, Status, Table, Time } from '../parts/basics.js';
import { Field, Form } from '../parts/form.js';

export function BackupsPage() {
  const { operateInstallation } = useRights();
  const backups = usePages<Backup>('backups?limit=50');
  const start = async (path: string, body?: object): Promise<void> =>
    goTo('operations', (await call<Operation>(path, { method: 'POST', ...(body && { body }) })).id);
  return (
    <Page title="Backups">
      {operateInstallation && (
        <>
          <Form title="Back a tenant up" submit="Back up" onSubmit={({ tenant }) => start('backups', { tenant })}>
            <Field label="Tenant" name="tenant" isRequired />
          </Form>
          <Form
            title="Restore a backup as another tenant"
            submit="Restore"
            onSubmit={({ id = '', as }) => start(`backups/${part(id)}/restore`, { as })}
          >
            <Field label="Backup" name="id" isRequired hint="its id, from the list" />
            <Field label="Slug of the new tenant" name="as" isRequired />
          </Form>
        </>
      )}
      <Problem error={backups.error} />
      <Loading when={backups.isLoading} />
      <Table
        caption="Backups, newest first"
        columns={[
          'Id',
          'Tenant',
          'State',
          'Taken',
          'Rows',
          'Bytes',
          'Tried out',
          ...(operateInstallation ? ['Try'] : []),
        ]}
      >
        {backups.items.map(({ id, tenant, state, takenAt, rows, bytes, drilledAt }) => (
          <tr key={id}>
            <th scope="row">{id}</th>
            <td>{tenant ?? 'deleted'}</td>
            <td>
              <Status of={state} />
            </td>
            <td>
              <Time at={takenAt} />
            </td>
            <td>{rows}</td>
            <td>{bytes}</td>
            <td>
              <Time at={drilledAt} />
            </td>
            {operateInstallation && (
              <td>
                <Action label="Try out" run={() => start(`backups/${part(id)}/drill`)} />
              </td>
            )}
          </tr>
        ))}
      </Table>
      {backups.more && <Action label="Load more" run={backups.more} />}
    </Page>
  );
}
