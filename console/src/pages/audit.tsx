import { useState } from 'preact/hooks';
import { query } from '../api/client.js';
import type { AuditEntry } from '../api/types.js';
import { usePages } from '../app/use-data.js';
import { Action, Loading, Page, Problem, Table, Time } from '../parts/basics.js';

export function AuditPage() {
  const [subject, setSubject] = useState('');
  return (
    <Page title="Audit">
      <div class="filters" role="search">
        <label>
          Subject
          <input type="search" onChange={(event) => setSubject(event.currentTarget.value.trim())} />
        </label>
      </div>
      <AuditList subject={subject} />
    </Page>
  );
}

export function AuditList({ subject }: { readonly subject: string }) {
  const entries = usePages<AuditEntry>(`audit${query({ subject, limit: 50 })}`);
  return (
    <>
      <Problem error={entries.error} />
      <Loading when={entries.isLoading} />
      <Table caption="Audit, newest first" columns={['At', 'Actor', 'Address', 'Action', 'Subject', 'Before', 'After']}>
        {entries.items.map(({ id, at, actor, address, action, subject: name, before, after }) => (
          <tr key={id}>
            <td>
              <Time at={at} />
            </td>
            <td>{actor}</td>
            <td>{address}</td>
            <td>{action}</td>
            <th scope="row">{name}</th>
            <td>{before && JSON.stringify(before)}</td>
            <td>{after && JSON.stringify(after)}</td>
          </tr>
        ))}
      </Table>
      {entries.more && <Action label="Load more" run={entries.more} />}
    </>
  );
}
