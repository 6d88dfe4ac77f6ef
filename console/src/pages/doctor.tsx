import type { DoctorReport } from '../api/types.js';
import { useData } from '../app/use-data.js';
import { Action, Facts, Page, Problem, Status, Table, Time } from '../parts/basics.js';

type Verdict = DoctorReport['findings'][number]['verdict'];

/** Failures first. */
const ORDER: readonly Verdict[] = ['fail', 'warn', 'ok'];

export function DoctorPage() {
  const { value, error, isLoading, reload } = useData<DoctorReport>('doctor');
  const findings = value?.findings.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  return (
    <Page title="Doctor">
      <p>
        Checks configuration, servers and the isolation of tenants. It changes nothing, and connects to every database.
      </p>
      <div class="actions">{!isLoading && <Action label="Check again" run={reload} />}</div>
      {isLoading && <p aria-busy="true">Checking …</p>}
      <Problem error={error} />
      {value && (
        <Facts
          of={[
            ['Outcome', <Status key="outcome" of={value.healthy ? 'healthy' : 'unhealthy'} />],
            ['Checked', <Time key="time" at={value.checkedAt} />],
            ['Took', `${(value.durationMs / 1000).toLocaleString()} s`],
          ]}
        />
      )}
      {findings && (
        <Table caption={`${findings.length} findings`} columns={['Verdict', 'Check', 'About', 'Finding', 'What to do']}>
          {findings.map(({ check, verdict, subject, message, remedy }) => (
            <tr key={`${check} ${subject} ${message}`}>
              <td>
                <Status of={verdict} />
              </td>
              <th scope="row">{check}</th>
              <td>{subject}</td>
              <td>{message}</td>
              <td>{remedy}</td>
            </tr>
          ))}
        </Table>
      )}
    </Page>
  );
}
