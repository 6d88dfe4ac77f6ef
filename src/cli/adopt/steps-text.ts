import type { AdoptionReport } from '../../admin/adoption/adoptions.js';
import type { AdoptionStep } from '../../database/table-migrations/adoption/adoption-step.js';

/** The SQL of all steps of the first place, to read: `adopt run` runs it in this order, `adopt finish` and `adopt undo` the rest. */
export function stepsText({ places: [first] }: AdoptionReport): string {
  if (!first) return '';
  const finish = first.steps.toSorted((a, b) => a.finishOrder - b.finishOrder);
  return [
    `-- ${first.database}, schema ${first.schema}. This is for reading: tenantry adopt run runs it, step by step.`,
    '-- Each step is a transaction of its own, with a lock_timeout, and is tried again when it gets no lock.',
    ...first.steps.flatMap(runLines),
    '',
    '-- tenantry adopt finish',
    ...finish.flatMap(({ table, name, finish: statements }) => block(`${table}: ${name}`, statements)),
    '',
    '-- tenantry adopt undo',
    ...first.steps.toReversed().flatMap(({ table, name, undo }) => block(`${table}: ${name}`, undo)),
    '',
  ].join('\n');
}

function runLines({ table, name, concurrently, fill, run }: AdoptionStep): string[] {
  const filling = fill
    ? [
        `-- in batches of blocks, each its own transaction: UPDATE ${fill.table} t SET tenant_id = ${fill.value}${fill.from ? ` FROM ${fill.from.source} WHERE ${fill.from.on}` : ''}`,
      ]
    : [];
  return block(`${table}: ${name}`, [...(concurrently ? [concurrently.statement] : []), ...run], filling);
}

function block(title: string, statements: readonly string[], comments: readonly string[] = []): string[] {
  if (statements.length + comments.length === 0) return [];
  return ['', `-- ${title}`, ...comments, ...statements.map((sql) => `${sql};`)];
}
