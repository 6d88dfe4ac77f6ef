import type { Instance } from '../api/types.js';
import { useData } from '../app/use-data.js';
import { Page, Problem, Table } from '../parts/basics.js';
import { RespondingInstance } from './instance.js';

const LIVE_MS = 5_000;

export function InstancesPage() {
  const { value, error } = useData<readonly Instance[]>('instances', LIVE_MS);
  return (
    <Page title="Instances">
      <Problem error={error} />
      <Table
        caption="Running instances"
        columns={['Name', 'Worker', 'Process', 'State', 'Since', 'Server', 'Lent', 'Needed', 'Open', 'Waiting']}
      >
        {value?.flatMap((instance) => rowsOf(instance))}
      </Table>
      <RespondingInstance />
    </Page>
  );
}

/** One for each server that lends it connections. */
function rowsOf({ id, name, worker, pid, isSilent, startedAt, servers }: Instance) {
  const own = (
    <>
      <th scope="row">{name}</th>
      <td>{worker ?? ''}</td>
      <td>{pid}</td>
      <td>{isSilent ? 'silent' : 'running'}</td>
      <td>{new Date(startedAt).toLocaleString()}</td>
    </>
  );
  if (servers.length === 0) return [<tr key={id}>{own}</tr>];
  return servers.map(({ server, lent, needed, open, waiting }) => (
    <tr key={`${id} ${server}`}>
      {own}
      <td>{server}</td>
      <td>{lent}</td>
      <td>{needed}</td>
      <td>{open}</td>
      <td>{waiting}</td>
    </tr>
  ));
}
