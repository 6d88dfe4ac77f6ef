import { useData } from '../app/use-data.js';
import { Facts, Problem } from '../parts/basics.js';

const EVERY_MS = 5_000;

/** The parts of `GET /admin/v1/runtime` that are shown. */
interface Runtime {
  readonly node: string;
  readonly pid: number;
  readonly worker: number | null;
  readonly uptimeSeconds: number;
  readonly switches: readonly { readonly variable: string; readonly value: string }[];
}

export function RespondingInstance() {
  const { value, error } = useData<Runtime>('runtime', EVERY_MS);
  return (
    <section aria-label="Instance">
      <h2>Responding instance</h2>
      <Problem error={error} />
      {value && (
        <Facts
          of={[
            ['Process', value.pid],
            ['Worker', value.worker],
            ['Node.js', value.node],
            ['Up for', `${value.uptimeSeconds} s`],
            ...value.switches.map((flag) => [flag.variable, flag.value] as const),
          ]}
        />
      )}
    </section>
  );
}
