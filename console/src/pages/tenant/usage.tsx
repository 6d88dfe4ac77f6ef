import { useState } from 'preact/hooks';
import { query } from '../../api/client.js';
import type { Usage } from '../../api/types.js';
import { useData } from '../../app/use-data.js';
import { Bars } from '../../parts/bars.js';
import { Problem } from '../../parts/basics.js';
import { Choice } from '../../parts/form.js';
import { barsOf, beginningOf, type Periods } from '../../parts/periods.js';

const EVERY_MS = 60_000;
const SPANS = {
  'last 30 days': { by: 'day', count: 30 },
  'last 24 hours': { by: 'hour', count: 24 },
} as const satisfies Record<string, Periods>;
type Span = keyof typeof SPANS;

/** Pictures of what the tenant has used. */
export function TenantUsage({ slug }: { readonly slug: string }) {
  const [span, setSpan] = useState<Span>('last 30 days');
  return (
    <section aria-label="Usage">
      <h2>Usage</h2>
      <div class="filters">
        <Choice label="Time" name="span" options={Object.keys(SPANS)} onChange={(value) => setSpan(value as Span)} />
      </div>
      <Pictures key={span} slug={slug} span={span} />
    </section>
  );
}

function Pictures({ slug, span }: { readonly slug: string; readonly span: Span }) {
  const periods = SPANS[span];
  const [from] = useState(() => beginningOf(periods));
  const { value, error } = useData<{ readonly items: readonly Usage[] }>(
    `usage${query({ tenant: slug, by: periods.by, from })}`,
    EVERY_MS,
  );
  const bars = (figure: (usage: Usage) => number, bad?: (usage: Usage) => number) =>
    barsOf(periods, from, value?.items ?? [], (usage) => ({
      value: figure(usage),
      ...(bad && { bad: bad(usage) }),
    }));
  return (
    <>
      <Problem error={error} />
      {value && (
        <div class="pictures">
          <Bars
            label="Requests and runs"
            bars={bars(
              ({ requests, runs }) => requests + runs,
              ({ errors }) => errors,
            )}
          />
          <Bars label="Time in PostgreSQL, ms" bars={bars(({ databaseMs }) => databaseMs)} />
          <Bars label="Rows written" bars={bars(({ rowsWritten }) => rowsWritten)} />
          {periods.by === 'day' && <Bars label="Bytes stored" bars={bars(({ storedBytes }) => storedBytes ?? 0)} />}
        </div>
      )}
    </>
  );
}
