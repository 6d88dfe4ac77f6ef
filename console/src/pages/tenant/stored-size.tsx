import { call, part } from '../../api/client.js';
import type { StoredSize } from '../../api/types.js';
import { useRights } from '../../app/rights.js';
import { useData } from '../../app/use-data.js';
import { announce } from '../../parts/announcer.js';
import { Action, Facts, Problem, Time } from '../../parts/basics.js';

/** What the tenant has stored, as it was last measured. */
export function TenantStoredSize({ slug }: { readonly slug: string }) {
  const { operate } = useRights();
  const path = `tenants/${part(slug)}/stored-size`;
  const { value, error, reload } = useData<StoredSize>(path);
  const measure = async (): Promise<void> => {
    await call(path, { method: 'POST' });
    announce('The tenant is measured');
    reload();
  };
  return (
    <section aria-label="Stored">
      <h2>Stored</h2>
      <Problem error={error} />
      {value && (
        <Facts
          of={[
            ['Bytes', value.bytes?.toLocaleString()],
            ['Rows', value.rows?.toLocaleString()],
            ['Estimated', value.isEstimated ? 'yes, from a sample' : 'no'],
            ['Measured', <Time key="measured" at={value.measuredAt} />],
          ]}
        />
      )}
      {operate && <Action label="Measure now" run={measure} />}
    </section>
  );
}
