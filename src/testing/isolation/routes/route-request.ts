import type { BodyFactory } from '../isolation-options.js';
import { CANARY, newCanary } from '../tables/candidate-values.js';
import type { TenantRow, Values } from '../tables/tenant-rows.js';
import type { TestedRoute } from './tested-route.js';

/** What routes call a tenant in their paths, besides `tenantId`. */
const TENANT_NAMES = new Set(['tenant', 'tenantslug', 'slug']);

/** A request that names rows of a tenant. */
export interface RouteRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: Values | readonly Values[];
  /** Besides those of the caller, which count. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a part of the query that no column is named like may mean: a further page, or more than the caller's own. */
const WORDS = ['2', 'all', 'true'];

/** For each row: the route's path, query and headers with its values; without any, one request. */
export function pathRequests(route: TestedRoute, rows: readonly TenantRow[]): RouteRequest[] {
  const { method, headerKeys } = route;
  const sources = rows.length === 0 ? [undefined] : rows;
  return different(
    sources.flatMap((row) => {
      const headers = headerKeys.length > 0 && {
        headers: Object.fromEntries(headerKeys.map((name) => [name, textFor(name, row)])),
      };
      return pathsFor(route, row).map((path) => ({ method, path, ...headers }));
    }),
  );
}

/** Each once. */
export function different(requests: readonly RouteRequest[]): RouteRequest[] {
  return [...new Map(requests.map((request) => [JSON.stringify(request), request])).values()];
}

/** What bodies are made of, besides rows. */
export interface BodySources {
  /** By route, of the application's documentation. */
  readonly documented: ReadonlyMap<string, Values>;
  /** By route, of the check's options. */
  readonly given: Readonly<Record<string, BodyFactory>>;
}

/** The same, with bodies made of each row's values: what a careless or a hostile caller sends. */
export function bodyRequests(
  route: TestedRoute,
  rows: readonly TenantRow[],
  own: readonly TenantRow[],
  { documented, given }: BodySources,
): RouteRequest[] {
  const bare = pathRequests(route, rows);
  if (route.method === 'DELETE') return bare;
  const factory = given[route.name];
  const tables = Object.fromEntries(rows.map(({ table, values }) => [table.table, values]));
  const withBodies = rows.flatMap((row) => {
    const template = own.find((each) => each.table === row.table && !each.isShared);
    if (!template) return [];
    const path = pathFor(route, row);
    const example = documented.get(route.name);
    const bodies = [
      ...(factory ? [factory(tables)] : []),
      ...(example ? [withIdsOf(row, example)] : []),
      ...bodiesFor(route, row, template),
    ];
    return bodies.map((body) => ({ method: route.method, path, body: route.isBodyList ? [body] : body }));
  });
  return different([...bare, ...withBodies]);
}

function pathFor({ path, queryKeys }: TestedRoute, row: TenantRow | undefined): string {
  const filled = path.replaceAll(/[:*]([A-Za-z_]\w*)(\([^)]*\))?\??/g, (_, name: string) =>
    encodeURIComponent(textFor(name, row)),
  );
  return withQuery(filled, Object.fromEntries(queryKeys.map((key) => [key, textFor(key, row)])));
}

/** Also with the words that a query may have, and with all ids where the handler takes the query as a whole. */
function pathsFor(route: TestedRoute, row: TenantRow | undefined): string[] {
  const first = pathFor(route, row);
  const free = route.queryKeys.filter((key) => row === undefined || valueNamed(key, row) === undefined);
  const variants = (free.length > 0 ? WORDS : []).map((word) => Object.fromEntries(free.map((key) => [key, word])));
  const ids = route.takesQuery && row ? [idsOf(row)] : [];
  const [bare = ''] = first.split('?');
  const given = Object.fromEntries(new URL(first, 'http://localhost').searchParams);
  return [first, ...[...variants, ...ids].map((values) => withQuery(bare, { ...given, ...values }))];
}

/** A row's ids, and its key under the name of its table: `memoId`. */
function idsOf(row: TenantRow): Record<string, string> {
  const subject = camelCase(row.table.table.replace(/s$/, ''));
  const names = [...row.table.columns.map(({ name }) => camelCase(name)), `${subject}Id`];
  return Object.fromEntries(names.filter((name) => isIdentifying(name, row)).map((name) => [name, textFor(name, row)]));
}

function withQuery(path: string, values: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(values).toString();
  return query === '' ? path : `${path}?${query}`;
}

function textFor(name: string, row: TenantRow | undefined): string {
  const value = valueFor(name, row) ?? 'x';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The row's value for a name: of the column of that name, else of its key. */
function valueFor(name: string, row: TenantRow | undefined): unknown {
  return row && (valueNamed(name, row) ?? keyValue(row));
}

/** Undefined where no column, and nothing of its tenant, has the name. */
export function valueNamed(name: string, { tenant, values }: TenantRow): unknown {
  if (TENANT_NAMES.has(plain(name))) return tenant.slug;
  const all: Values = { ...values, tenant_id: tenant.id };
  return all[Object.keys(all).find((each) => plain(each) === plain(name)) ?? ''];
}

export function keyValue({ values, table }: TenantRow): unknown {
  return values[table.primaryKey[0] ?? ''];
}

/** `tenantid` of `tenant_id`, `tenantId` and `X-Tenant-Id`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/^x-/, '').replaceAll(/[-_]/g, '');
}

/** The example, for this row: with its ids, and with its version where it is updated optimistically. */
function withIdsOf(row: TenantRow, example: Values): Values {
  const isOfRow = (name: string): boolean => /id$/i.test(name) || name === 'version';
  return Object.fromEntries(
    Object.entries(example).map(([name, value]) => [name, isOfRow(name) ? valueFor(name, row) : value]),
  );
}

/** Ids of the other tenant's row, and else what the caller's own row has, with texts that no row has yet. */
function bodiesFor({ bodyKeys }: TestedRoute, row: TenantRow, own: TenantRow): Values[] {
  const { table } = row;
  const ids = idColumns(row);
  const all = Object.fromEntries(
    table.columns.map(({ name }) => [camelCase(name), ids.has(name) ? row.values[name] : renewed(own.values[name])]),
  );
  const isGiven = ({ name, hasDefault }: TenantRow['table']['columns'][number]): boolean =>
    !hasDefault &&
    (!table.primaryKey.includes(name) || table.foreignKeys.some(({ columns }) => columns.includes(name)));
  const given = Object.fromEntries(
    table.columns.filter(isGiven).map(({ name }) => [camelCase(name), all[camelCase(name)]]),
  );
  const key = Object.fromEntries(table.primaryKey.map((name) => [camelCase(name), row.values[name]]));
  const tenant = { tenantId: row.tenant.id, tenant_id: row.tenant.id };
  const version = 'version' in row.values ? [{ ...given, version: row.values['version'] }] : [];
  const named = Object.fromEntries(bodyKeys.map((name) => [name, valueFor(name, row)]));
  return [given, ...version, { ...given, ...key }, all, { ...all, ...tenant }, key].map((body) => ({
    ...body,
    ...named,
  }));
}

/** The columns whose values name rows. */
function idColumns({ table }: TenantRow): ReadonlySet<string> {
  return new Set([...table.primaryKey, ...table.foreignKeys.flatMap(({ columns }) => columns)]);
}

/** Whether the value of a name says which row, or which tenant, is meant. */
export function isIdentifying(name: string, row: TenantRow): boolean {
  const columns = [...idColumns(row)].map(plain);
  return /id$/i.test(name) || TENANT_NAMES.has(plain(name)) || columns.includes(plain(name));
}

/** A text that no row has yet, of the same shape. */
export function renewed(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(CANARY, newCanary()) : value;
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
