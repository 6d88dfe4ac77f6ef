import type { ErasureReport } from './erasure.schemas.js';

type Data = ErasureReport['data'];

/**
 * The report of an erasure as Markdown, for the customer.
 *
 * @param slug by which the customer knows the tenant; only the caller that has deleted it still has it
 */
export function erasureDocument(report: ErasureReport, slug?: string): string[] {
  const { pseudonym, tenantId, operationId, requestedAt, startedAt, finishedAt } = report;
  return [
    `# Erasure of ${slug ?? pseudonym}`,
    '',
    `- Tenant: ${tenantId}${slug === undefined ? '' : `; its records have the name ${pseudonym}`}`,
    `- Operation: ${operationId}`,
    `- Requested: ${requestedAt}`,
    `- Removal began: ${startedAt ?? '-'}`,
    `- Removal ended: ${finishedAt ?? '-'}`,
    '',
    '## Removed',
    '',
    ...removedData(report.data),
    ...removedElsewhere(report),
    '',
    '## What remains',
    '',
    ...report.remains.map(
      ({ what, where, until }) => `- ${what} (${where})${until === null ? '' : `, until ${until}`}`,
    ),
  ];
}

function removedData(data: Data): string[] {
  const { removed, server, database, schema, tables, at } = data;
  if (removed === 'nothing') return [`- ${at}: no data: the tenant never had a place`];
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const isEstimated = tables.some((table) => table.isEstimated);
  const where = {
    rows: `from schema ${schema} of database ${database} on server ${server}; none were left`,
    schema: `with schema ${schema} of database ${database} on server ${server}, which was dropped`,
    database: `with database ${database} on server ${server}, which was dropped`,
  }[removed];
  return [
    `- ${at}: ${number(rows, isEstimated)} rows of ${tables.length} tables ${where}`,
    '',
    ...(tables.length === 0 ? [] : ['| table | rows |', '| --- | ---: |']),
    ...tables.map((table) => `| ${table.table} | ${number(table.rows, table.isEstimated)} |`),
    ...(tables.length === 0 ? [] : ['']),
  ];
}

function removedElsewhere({ login, cache, records, hooks, stored }: ErasureReport): string[] {
  const inRedis = {
    cleared: ' and in Redis',
    away: '; Redis could not be reached, where they expire',
    unused: '',
  }[cache.redis];
  return [
    ...(stored?.copies ?? []).map(({ what, removed }) => `- ${stored?.at}: ${what} (${removed})`),
    ...(login.role === null ? [] : [`- ${login.at}: login role ${login.role}`]),
    `- ${cache.at}: cached values in the memory of all instances${inRedis}`,
    `- ${records.at}: the tenant in the catalog, with its domains (${records.domains}), API keys (${records.apiKeys}), stored ` +
      `answers (${records.storedAnswers}) and failures of scheduled work (${records.cronFailures})`,
    ...hooks.map(
      ({ event, hook, finishedAt }) => `- ${finishedAt ?? '-'}: what the application's hook ${hook} (${event}) removes`,
    ),
  ];
}

function number(rows: number, isEstimated: boolean): string {
  return isEstimated ? `about ${rows}` : String(rows);
}
