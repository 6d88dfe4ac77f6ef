import { LIMIT_NAMES } from '../../catalog/model/limits.js';
import { UsageError } from './cli.errors.js';

const COLUMNS = ['slug', 'isolation', 'server', 'placement', 'plan', 'domains', ...LIMIT_NAMES] as const;
type Column = (typeof COLUMNS)[number];

/** A list of new tenants, whose fields the caller validates: a JSON array, or CSV with a header. @throws UsageError */
export function parseTenantFile(content: string): unknown[] {
  const text = content.replace(/^\uFEFF/, '').trim();
  return text.startsWith('[') ? parseJson(text) : parseCsv(text);
}

function parseJson(text: string): unknown[] {
  try {
    return JSON.parse(text) as unknown[];
  } catch (error) {
    throw new UsageError('the file is not valid JSON', { cause: error });
  }
}

/** No field may contain a comma: values that need quotes are none of a tenant's. An empty one is left out. */
function parseCsv(text: string): unknown[] {
  const [header = '', ...lines] = text.split(/\r?\n/);
  const columns = fieldsOf(header).map(columnOf);
  const filled = lines.map((line, n) => ({ line, number: n + 2 })).filter(({ line }) => line.trim() !== '');
  return filled.map(({ line, number }) => {
    const fields = fieldsOf(line);
    if (fields.length !== columns.length) {
      throw new UsageError(`line ${number} has ${fields.length} fields, the header ${columns.length}`);
    }
    return toTenant(new Map(columns.map((column, n) => [column, fields[n] ?? ''])));
  });
}

function columnOf(name: string): Column {
  const column = COLUMNS.find((known) => known === name);
  if (!column) throw new UsageError(`the header must name columns of ${COLUMNS.join(', ')}`);
  return column;
}

function fieldsOf(line: string): string[] {
  return line.split(',').map((field) => field.trim().replace(/^"(.*)"$/, '$1'));
}

function toTenant(fields: ReadonlyMap<Column, string>): object {
  const given = (column: Column): string | undefined => fields.get(column) || undefined;
  const { server, plan, domains } = { server: given('server'), plan: given('plan'), domains: given('domains') };
  const placement = given('placement');
  const limits = LIMIT_NAMES.flatMap((name) => {
    const value = given(name);
    return value === undefined ? [] : [[name, Number(value)] as const];
  });
  return {
    slug: given('slug'),
    isolation: given('isolation'),
    ...(server !== undefined && { server }),
    ...(placement !== undefined && { placement: labelsIn(placement) }),
    ...(plan !== undefined && { plan }),
    ...(domains !== undefined && { domains: domains.split(/[\s;]+/) }),
    ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
  };
}

/** `region=eu tier=gold`; `any` for the server with the most room. */
function labelsIn(text: string): object {
  if (text === 'any') return {};
  const pairs = text.split(/[\s;]+/).map((pair) => pair.split('='));
  if (pairs.some((pair) => pair.length !== 2))
    throw new UsageError('placement must be labels such as region=eu, or any');
  return Object.fromEntries(pairs as [string, string][]);
}
