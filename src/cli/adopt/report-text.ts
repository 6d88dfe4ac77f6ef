import type { AdoptionPlan } from '../../admin/adoption/adoption-plan.js';
import type { AdoptionReport } from '../../admin/adoption/adoptions.js';
import type { TenantOrigin } from '../../database/table-migrations/adoption/inspection/tenant-keys.js';

const MAX_TENANTS = 50;
const HEADINGS = {
  refused: 'Refused: nothing is adopted until this is mended, or the table left out',
  attention: 'Attention: adoption goes on, and this changes or needs a look',
  note: 'Good to know',
} as const;

/** The report as Markdown. */
export function reportText(plan: AdoptionPlan, report: AdoptionReport): string {
  const { places, findings } = report;
  const tenants = places.flatMap((place) => place.tenants);
  const [first] = places;
  return [
    `# Adopting ${plan.database}`,
    '',
    summaryOf(plan, report),
    '',
    ...(['refused', 'attention', 'note'] as const).flatMap((severity) => {
      const own = findings.filter((finding) => finding.severity === severity);
      return own.length === 0
        ? []
        : [`## ${HEADINGS[severity]}`, '', ...own.map((finding) => lineOf(finding, places.length)), ''];
    }),
    `## Tables${places.length > 1 ? ` of ${first?.schema}` : ''}`,
    '',
    '| table | rows, about | the tenant of a row |',
    '| --- | --- | --- |',
    ...Array.from(first?.plan.origins ?? [], ([name, origin]) => {
      const rows = first?.plan.tables.find((table) => table.name === name)?.estimatedRows ?? 0;
      return `| ${name} | ${Math.max(0, rows)} | ${describe(origin)} |`;
    }),
    '',
    `## Tenants (${tenants.length})`,
    '',
    '| known as | slug | id |',
    '| --- | --- | --- |',
    ...tenants.slice(0, MAX_TENANTS).map(({ key, slug, id }) => `| ${key} | ${slug} | ${id} |`),
    ...(tenants.length > MAX_TENANTS ? [`| … | and ${tenants.length - MAX_TENANTS} more | |`] : []),
    '',
  ].join('\n');
}

/** For the terminal, too. */
export function summaryOf(plan: AdoptionPlan, { places, findings }: AdoptionReport): string {
  const counts = (['refused', 'attention', 'note'] as const).map(
    (severity) => `${findings.filter((finding) => finding.severity === severity).length} ${severity}`,
  );
  const tables = places.reduce((sum, { plan: { origins } }) => sum + origins.size, 0);
  const tenants = places.reduce((sum, place) => sum + place.tenants.length, 0);
  return `${tables} tables of ${tenants} tenants in ${places.length} ${places.length === 1 ? 'schema' : 'schemas'} (isolation ${plan.layout}); findings: ${counts.join(', ')}.`;
}

export function lineOf({ table, what, advice, places }: AdoptionReport['findings'][number], total: number): string {
  const where =
    total > 1 && places.length < total
      ? ` (${places.slice(0, 3).join(', ')}${places.length > 3 ? `, and ${places.length - 3} more` : ''})`
      : '';
  return `- ${table === undefined ? '' : `**${table}** `}${what}${where}. ${advice}`;
}

function describe(origin: TenantOrigin): string {
  if ('column' in origin) return origin.column;
  if ('foreignKey' in origin) return `that of ${origin.parent}, through ${origin.foreignKey.join(', ')}`;
  return 'the tenant of the schema';
}
