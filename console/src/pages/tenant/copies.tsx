import { call, download, part, query } from '../../api/client.js';
import type { Backup, CreatedTenant, Export, Operation, Tenant } from '../../api/types.js';
import { useRights } from '../../app/rights.js';
import { goTo } from '../../app/route.js';
import { usePages } from '../../app/use-data.js';
import { bytes, number } from '../../parts/bars.js';
import { Action, Problem, Status, Table, Time } from '../../parts/basics.js';
import { Check, Choice, Field, Form, words } from '../../parts/form.js';
import { ISOLATIONS } from '../tenants.js';

interface TenantCopiesProps {
  readonly tenant: Tenant;
}

/** Backups, exports and clones. */
export function TenantCopies({ tenant }: TenantCopiesProps) {
  const { operate, operateInstallation, seeInstallation } = useRights();
  const isThere = tenant.status !== 'deleting';
  return (
    <section aria-label="Copies">
      <h2>Backups, exports, clones</h2>
      {isThere && operateInstallation && <NewBackup {...tenant} />}
      {isThere && operate && <NewExport {...tenant} />}
      {isThere && operateInstallation && <NewClone {...tenant} />}
      {seeInstallation && <Backups {...tenant} />}
      {seeInstallation && <Exports {...tenant} />}
    </section>
  );
}

async function start(path: string, body: object): Promise<void> {
  goTo('operations', (await call<Operation>(path, { method: 'POST', body })).id);
}

function NewBackup({ slug }: Tenant) {
  return (
    <div class="actions">
      <Action label="Back up" run={() => start('backups', { tenant: slug })} />
    </div>
  );
}

function NewExport({ slug }: Tenant) {
  return (
    <Form
      title="Export"
      submit="Export"
      onSubmit={({ recipients }) => {
        const keys = words(recipients);
        return start(`tenants/${part(slug)}/export`, keys.length > 0 ? { recipients: keys } : {});
      }}
    >
      <Field label="Recipients" name="recipients" hint="public keys of age (age1…); empty: this installation" />
    </Form>
  );
}

function NewClone({ slug, isolation }: Tenant) {
  return (
    <Form
      title="Clone"
      submit="Clone"
      onSubmit={async (values) => {
        const { clone, isolation: other, server, masked } = values;
        const body = {
          slug: clone,
          masked: masked === 'on',
          ...(other && { isolation: other }),
          ...(server && { server }),
        };
        const created = await call<CreatedTenant>(`tenants/${part(slug)}/clone`, { method: 'POST', body });
        goTo('operations', created.operation.id);
      }}
    >
      <Field label="Slug of the clone" name="clone" isRequired />
      <Choice label="Isolation" name="isolation" options={ISOLATIONS} none={`the same (${isolation})`} />
      <Field label="Server" name="server" hint="empty: the same" />
      <Check label="Masked, where the application declares masks" name="masked" />
    </Form>
  );
}

function Backups({ slug }: Tenant) {
  const { operateInstallation } = useRights();
  const backups = usePages<Backup>(`backups${query({ tenant: slug, limit: 10 })}`);
  return (
    <>
      <Problem error={backups.error} />
      <Table
        caption="Backups of this tenant"
        columns={['Taken', 'State', 'Rows', 'Size', ...(operateInstallation ? ['Restore'] : [])]}
      >
        {backups.items.map((backup) => (
          <tr key={backup.id}>
            <th scope="row">
              <Time at={backup.takenAt} />
            </th>
            <td>
              <Status of={backup.state} />
            </td>
            <td>{backup.rows !== null && number(backup.rows)}</td>
            <td>{backup.bytes !== null && bytes(backup.bytes)}</td>
            {operateInstallation && <td>{backup.state === 'kept' && <Restore slug={slug} backup={backup} />}</td>}
          </tr>
        ))}
      </Table>
      {backups.more && <Action label="Load more" run={backups.more} />}
    </>
  );
}

/** Over the tenant, which needs its slug, or as another one. */
function Restore({ slug, backup: { id } }: { readonly slug: string; readonly backup: Backup }) {
  const path = `backups/${part(id)}/restore`;
  return (
    <Form
      title="Restore"
      submit="Restore the backup"
      isDangerous
      onSubmit={async ({ as, confirmation }) => {
        if (as) return start(path, { as });
        if (confirmation !== slug)
          throw new Error(`Type ${slug} to restore the backup over it, or name another tenant`);
        return start(path, {});
      }}
    >
      <Field label="As another tenant" name="as" hint="its slug" />
      <Field label={`Or type ${slug} to restore over it`} name="confirmation" />
    </Form>
  );
}

function Exports({ slug }: Tenant) {
  const { operateInstallation } = useRights();
  const exports = usePages<Export>(`exports${query({ tenant: slug, limit: 10 })}`);
  const remove = async (id: string): Promise<void> => {
    await call(`exports/${part(id)}`, { method: 'DELETE' });
    exports.reload();
  };
  return (
    <>
      <Problem error={exports.error} />
      <Table
        caption="Exports of this tenant"
        columns={['Taken', 'State', 'Rows', 'Size', ...(operateInstallation ? ['Archive'] : [])]}
      >
        {exports.items.map(({ id, takenAt, state, rows, bytes: size }) => (
          <tr key={id}>
            <th scope="row">
              <Time at={takenAt} />
            </th>
            <td>
              <Status of={state} />
            </td>
            <td>{rows !== null && number(rows)}</td>
            <td>{size !== null && bytes(size)}</td>
            {operateInstallation && (
              <td>
                {state === 'kept' && (
                  <Action label="Download" run={() => download(`exports/${part(id)}/content`, `${slug}.age`)} />
                )}{' '}
                <Action label="Remove" isDangerous run={() => remove(id)} />
              </td>
            )}
          </tr>
        ))}
      </Table>
      {exports.more && <Action label="Load more" run={exports.more} />}
    </>
  );
}
