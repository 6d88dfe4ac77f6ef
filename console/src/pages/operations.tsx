import { useState } from 'preact/hooks';
import { query } from '../api/client.js';
import type { Operation } from '../api/types.js';
import { linkTo } from '../app/route.js';
import { usePages } from '../app/use-data.js';
import { Action, Loading, Page, Problem, Status, Table, Time } from '../parts/basics.js';
import { Choice } from '../parts/form.js';

const LIVE_MS = 5_000;
const STATUSES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;

export function OperationsPage() {
  const [status, setStatus] = useState('');
  return (
    <Page title="Operations">
      <div class="filters">
        <Choice label="Status" name="status" options={STATUSES} none="any" onChange={setStatus} />
      </div>
      <OperationList caption="Operations, newest first" filter={{ status }} />
    </Page>
  );
}

interface OperationListProps {
  readonly caption: string;
  readonly filter: Readonly<Record<string, string>>;
}

export function OperationList({ caption, filter }: OperationListProps) {
  const operations = usePages<Operation>(`operations${query({ ...filter, limit: 20 })}`, LIVE_MS);
  return (
    <>
      <Problem error={operations.error} />
      <Loading when={operations.isLoading} />
      <Table caption={caption} columns={['Kind', 'Subject', 'Status', 'Progress', 'Requested', 'By']}>
        {operations.items.map(({ id, kind, subject, status, steps, progress, createdAt, createdBy }) => (
          <tr key={id}>
            <th scope="row">
              <a href={linkTo('operations', id)}>{kind}</a>
            </th>
            <td>{subject}</td>
            <td>
              <Status of={status} />
            </td>
            <td>{progress ? `${progress.done} of ${progress.total}` : stepOf(steps)}</td>
            <td>
              <Time at={createdAt} />
            </td>
            <td>{createdBy}</td>
          </tr>
        ))}
      </Table>
      <div class="actions">
        <Action label="Refresh" run={operations.reload} />
        {operations.more && <Action label="Load more" run={operations.more} />}
      </div>
    </>
  );
}

/** The step that is under way. */
function stepOf(steps: Operation['steps']): string | undefined {
  return steps.find(({ status }) => status === 'running' || status === 'failed')?.name;
}
