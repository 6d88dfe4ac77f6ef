import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ADMIN_KEY, type Answer, TestApp, type TestTenant } from '../../support/test-app.js';
import { AdminClient, type RequestOptions } from '../../support/admin/admin-client.js';
import { type AdminBody, type AdminRoute, adminRoutes, servedAdminRoutes } from '../../support/admin/admin-routes.js';
import { NO_NAMES, RAW_PATH_PARTS, UNKNOWN_NAMES, WRONG_BODIES, WRONG_VALUES } from '../../support/admin/hostile.js';

/** Fields that accept any text; only values that are no text, or that cannot be stored, are hostile there. */
const FREE_TEXT = [
  'POST plans description',
  ...['PUT maintenance message', 'POST api-keys name', 'POST impersonations reason', 'migrate message'],
  ...['POST servers host', 'POST servers ownerRole', 'POST servers ownerPassword'],
];
/** Values that are valid for a field, although they are invalid for others. */
const VALID: Readonly<Record<string, readonly unknown[]>> = {
  ...{ settings: [{}], features: [{}], description: [null], plan: [null] },
  limits: [{}],
  verify: [true, false],
  masked: [true],
  domains: [[]],
  groups: [[], ['acme']],
  tenants: [['acme']],
  maxConnections: [null],
  name: ['a0b5f6c1-6f0a-4c39-9d0e-2a4f8a1c7d11'],
  ownerPassword: [' '],
  'operators name': ['acme.', 'acme-', '1acme', '0', '5', '1e3', '0x10'],
  'operators limitedTo': [null],
};
/** Nothing listens there, so that even an otherwise valid server is rejected. */
const UNREACHABLE = { host: '127.0.0.1', port: 1 };
const QUERY_TEXTS = [
  'аcme',
  "'; DROP TABLE tenants; --",
  '\0',
  '\u202e',
  '../x',
  'NaN',
  '-1',
  '1.5',
  '1e3',
  '0x10',
  '{}',
];

let app: TestApp;
let admin: AdminClient;
let routes: readonly AdminRoute[];
let acme: TestTenant;
/** Something that exists for each parameter of a path. */
let existing: Readonly<Record<string, string>>;
let before: string;

beforeAll(async () => {
  // Requests that count would change the catalog, which is compared.
  app = await TestApp.start({ ENABLE_USAGE: 'false' });
  admin = new AdminClient(app);
  acme = await app.provision('acme', 'row');
  await app.provision('umbrella', 'row');
  const { body } = await admin.get('/operations');
  existing = { slug: 'acme', name: 'default', id: body.items[0].id };
  routes = await adminRoutes(app);
  before = await checksum();
});

afterAll(async () => app.dispose());

beforeEach(async () => expect(await checksum()).toBe(before));

describe('every route of the admin API', () => {
  it('is documented, and therefore covered by these tests', () => {
    const documented = routes.map(({ method, path }) => `${method} ${path.replace(/{(\w+)}/g, ':$1')}`);
    expect(documented.toSorted()).toEqual(servedAdminRoutes(app).toSorted());
    expect(routes.length).toBeGreaterThan(28);
  });

  it.each([
    ['no key', undefined, 401, 'UNAUTHENTICATED'],
    ['a wrong key', `${ADMIN_KEY}x`, 401, 'UNAUTHENTICATED'],
    ['an empty key', '', 401, 'UNAUTHENTICATED'],
    ['a key of no tenant', `tnt_0123456789abcdef_${'x'.repeat(43)}`, 401, 'UNAUTHENTICATED'],
    ["a tenant's key", 'acme', 403, 'FORBIDDEN'],
  ])('rejects a caller with %s', async (_what, key, status, code) => {
    const apiKey = key === 'acme' ? acme.apiKey : key;
    const wrong: string[] = [];
    for (const route of routes) {
      for (const prefix of ['', '/t/acme']) {
        const { method, bodies } = route;
        const body = bodies[0]?.example;
        const answer = await app.call(prefix + pathOf(route), { method, apiKey, ...(body && { body }) });
        if (answer.status !== status || answer.body.code !== code) wrong.push(describeAnswer(route, prefix, answer));
      }
    }
    expect(wrong).toEqual([]);
    expect(await checksum()).toBe(before);
  });

  it('rejects unknown and impossible names in its path with a clear 4xx', async () => {
    const names = [...NO_NAMES, ...UNKNOWN_NAMES].filter((name) => name !== '..'); // clients resolve it themselves
    const parts = [...names.map(encodeURIComponent), ...RAW_PATH_PARTS, ''];
    await expectRejections(
      routes.flatMap((route) =>
        parametersOf(route).flatMap((parameter) =>
          parts.map((part) => [route, { path: pathOf(route, { [parameter]: part }), ...exampleOf(route) }] as const),
        ),
      ),
    );
  });

  it('rejects malformed and foreign bodies with a clear 4xx', async () => {
    const withBody = routes.filter(({ bodies }) => bodies.length > 0);
    expect(withBody.length).toBeGreaterThan(7);
    const wrongFor = ({ bodies }: AdminRoute): readonly string[] =>
      bodies.some(({ mayBeEmpty }) => mayBeEmpty) ? WRONG_BODIES.filter((body) => body !== '') : WRONG_BODIES;
    await expectRejections(withBody.flatMap((route) => wrongFor(route).map((body) => [route, { body }] as const)));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('rejects invalid values of its fields with a clear 4xx that names the field', async () => {
    const wrong: string[] = [];
    for (const route of routes) {
      for (const body of route.bodies) wrong.push(...(await acceptedFields(route, body)));
    }
    expect(wrong).toEqual([]);
    expect(await checksum()).toBe(before);
  });

  it('rejects unknown, invalid and repeated query parameters with a clear 4xx', async () => {
    const withQuery = routes.filter(({ queries }) => queries.length > 0);
    expect(withQuery.length).toBeGreaterThan(4);
    await expectRejections(
      withQuery.flatMap((route) => {
        const texts = [...QUERY_TEXTS.map(encodeURIComponent), 'x'.repeat(20_000), '%ff'];
        const own = route.queries.flatMap((name) => [
          ...texts.filter((text) => !isValidQuery(name, text)).map((text) => `${name}=${text}`),
          ...(name === 'search' ? [] : [`${name}=`]),
          ...[`${name}=1&${name}=2`, `${name}[]=1`, `${name}[a]=1`, `${name}%00=1`],
        ]);
        return [...own, 'unknown=1', 'limit=', 'constructor=1', 'toString=1'].map(
          (query) => [route, { path: `${pathOf(route)}?${query}` }] as const,
        );
      }),
    );
  });

  it('rejects an invalid Idempotency-Key and oversized headers with a clear 4xx', async () => {
    const creating = routes.filter(({ method, path }) => method === 'POST' && CREATES.test(path));
    expect(creating).toHaveLength(5);
    await expectRejections([
      ...creating.flatMap((route) =>
        ['', 'x'.repeat(256), 'é', 'a\tb'].map(
          (key) => [route, { ...exampleOf(route), headers: { 'idempotency-key': key } }] as const,
        ),
      ),
      ...routes.map((route) => [route, { headers: { 'x-long': 'x'.repeat(20_000) } }] as const),
      ...routes
        .filter(({ bodies }) => bodies.length > 0)
        .map((route) => [route, { body: '<a/>', headers: { 'content-type': 'application/xml' } }] as const),
    ]);
  });
});

const CREATES = /\/(?:servers|tenants|api-keys|operations|plans)$/;

/** Expects problem details with a known code, without what was sent, except the name of what was not found, and no change of the catalog. */
async function expectRejections(
  calls: readonly (readonly [AdminRoute, RequestOptions & { path?: string }])[],
): Promise<void> {
  expect(calls.length).toBeGreaterThan(0);
  const wrong: string[] = [];
  for (const [route, { path = pathOf(route), ...options }] of calls) {
    const answer = await admin.send(route.method, path, options);
    if (!isClearRejection(answer)) wrong.push(describeAnswer(route, JSON.stringify({ path, ...options }), answer));
  }
  expect(wrong).toEqual([]);
  expect(await checksum()).toBe(before);
}

/** What was not rejected, or without naming the field. */
async function acceptedFields(route: AdminRoute, { example, fields }: AdminBody): Promise<string[]> {
  const wrong: string[] = [];
  for (const field of fields) {
    for (const value of valuesFor(route, example, field)) {
      const base = route.path.includes('/servers') ? { ...example, ...UNREACHABLE } : example;
      const body = { ...base, [field]: value };
      const answer = await admin.send(route.method, pathOf(route), { body });
      if (!isClearRejection(answer) || !blames(answer, field)) {
        wrong.push(describeAnswer(route, JSON.stringify(body), answer));
      }
    }
  }
  return wrong;
}

function valuesFor({ method, path }: AdminRoute, { kind }: AdminBody['example'], field: string): readonly unknown[] {
  const isValid = (value: unknown): boolean =>
    [...(VALID[field] ?? []), ...(VALID[`${path.split('/').at(-1)} ${field}`] ?? [])].some(
      (valid) => JSON.stringify(valid) === JSON.stringify(value),
    );
  const isFree =
    FREE_TEXT.includes(`${method} ${path.split('/').at(-1)} ${field}`) ||
    FREE_TEXT.includes(`${String(kind)} ${field}`);
  return [...WRONG_VALUES, ...(isFree ? [] : NO_NAMES)].filter((value) => !isValid(value));
}

/** A valid name of something that does not exist is no error of the field. */
function blames({ status, body }: Answer, field: string): boolean {
  if (status !== 400) return true;
  return body.errors.some((error: { field: string }) => error.field === '' || error.field.split('.')[0] === field);
}

function isClearRejection({ status, headers, body, text }: Answer): boolean {
  return (
    status >= 400 &&
    status < 500 &&
    /^application\/problem\+json/.test(headers.get('content-type') ?? '') &&
    body.status === status &&
    /^[A-Z_]{4,}$/.test(body.code) &&
    text.length < 20_000 &&
    (status === 404 || !text.includes('DROP TABLE')) &&
    !/node_modules|postgres|syntax|\bat \w+ \(/i.test(text)
  );
}

/** It may be part of a slug, a group's name, or the name of a deleted subject. */
function isValidQuery(name: string, text: string): boolean {
  if (name === 'search') return ['-1', '1e3', '0x10'].includes(text);
  if (name === 'group') return ['1e3', '0x10'].includes(text);
  return name === 'subject' && ['NaN', '-1', '1.5', '1e3', '0x10', '..%2Fx'].includes(text);
}

function parametersOf({ path }: AdminRoute): string[] {
  return [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name ?? '');
}

function pathOf({ path }: AdminRoute, parts: Readonly<Record<string, string>> = {}): string {
  return path.replace(/{(\w+)}/g, (_all, name: string) => parts[name] ?? existing[name] ?? 'unknown');
}

function exampleOf({ bodies }: AdminRoute): RequestOptions {
  return bodies[0] ? { body: bodies[0].example } : {};
}

function describeAnswer({ method, path }: AdminRoute, sent: string, { status, text }: Answer): string {
  return `${method} ${path} ${sent.slice(0, 200)} -> ${status} ${text.slice(0, 200)}`;
}

/** Over every row of every table of the catalog, but the summaries of refused attempts: they are written by and by. */
async function checksum(): Promise<string> {
  const tables = await app.database.admin<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) ORDER BY 1`,
  );
  expect(tables.length).toBeGreaterThan(8);
  const sums = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS sum FROM ${name} t` +
      (name === 'audit_log' ? ' WHERE refused_attempts IS NULL' : ''),
  );
  return JSON.stringify(await app.database.admin(sums.join(' UNION ALL ')));
}
