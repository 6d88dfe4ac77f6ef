import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ProblemFilter } from '../../../src/index.js';
import { BooksModule } from '../../support/host/books.module.js';
import { ADAPTERS, HostApplication, type HostOptions } from '../../support/host/host-application.js';
import { LogRecorder } from '../../support/log-recorder.js';
import type { Json, TestTenant } from '../../support/test-app.js';

const SETUPS: readonly (readonly [string, Omit<HostOptions, 'logger'>])[] = [
  ...ADAPTERS.map((adapter) => [`${adapter}, without a filter`, { adapter }] as const),
  [
    'express, with the ProblemFilter',
    { adapter: 'express', prepare: (app) => app.useGlobalFilters(new ProblemFilter()) },
  ],
  ['fastify, where every route is a tenant’s', { adapter: 'fastify', tenantry: { guard: 'global' } }],
];

describe.each(SETUPS)('a violated constraint in an application on %s', (_name, options) => {
  const log = new LogRecorder();
  let app: HostApplication;
  let acme: TestTenant;

  beforeAll(async () => {
    app = await HostApplication.start({ ...options, imports: [BooksModule], logger: log });
    acme = await app.provision('acme', 'row');
    const globex = await app.provision('globex', 'row');
    await call('POST', '/books/shelves', { id: 1 });
    await call('POST', '/books', { id: 1, title: 'Emma', shelfId: 1, pages: 300 });
    await call('POST', '/books', { id: 1, title: 'Ulysses', pages: 700 }, globex);
  });

  afterAll(async () => app.dispose());

  async function call(method: string, path: string, body?: object, tenant = acme): Promise<Json> {
    const headers = { authorization: `Bearer ${tenant.apiKey}` };
    const answer = await app.fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, text, body: text === '' ? undefined : JSON.parse(text) };
  }

  it.each([
    ['a taken value', 'POST', '/books', { id: 2, title: 'Emma', pages: 1 }, ['title']],
    ['a taken key', 'POST', '/books', { id: 1, title: 'Other', pages: 1 }, ['id']],
    [
      'one of several rows of a transaction',
      'POST',
      '/books/together',
      [{ id: 8, title: 'Emma', pages: 1 }],
      ['title'],
    ],
    ['a unique index', 'POST', '/books', { id: 2, title: 'Other', shelfId: 1, pages: 1 }, ['shelf_id']],
    ['a row that others refer to', 'DELETE', '/books/shelves/1', undefined, ['shelf_id']],
  ])('is 409 CONFLICT with its columns for %s', async (_what, method, path, body, columns) => {
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ status: 409, body: { code: 'CONFLICT', columns } });
    expect(answer.text).not.toMatch(/Emma|Ulysses|books_|tenant/);
  });

  it.each([
    [
      'a reference to nothing',
      'POST',
      '/books',
      { id: 2, title: 'Other', shelfId: 9, pages: 1 },
      'shelf_id',
      'shelfId',
      'refers to nothing that exists',
    ],
    [
      'a change to refer to nothing',
      'PUT',
      '/books/1',
      { shelfId: 9 },
      'shelf_id',
      'shelfId',
      'refers to nothing that exists',
    ],
    ['a missing value', 'POST', '/books', { id: 2, title: null, pages: 1 }, 'title', 'title', 'is required'],
    [
      'a broken rule, in the words of the application',
      'PUT',
      '/books/1',
      { pages: 0 },
      'pages',
      'pages',
      'must be above zero',
    ],
  ])('is 400 VALIDATION_FAILED with its columns for %s', async (_what, method, path, body, column, field, message) => {
    const answer = await call(method, path, body);
    const errors = [{ field, message }];
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', columns: [column], errors } });
  });

  it('stays a 500 in a database of the application', async () => {
    const own = encodeURIComponent(app.database.url);
    expect(await call('POST', `/books/own/${own}`)).toMatchObject({ status: 500 });
  });
});

/** With what could end a quotation, and with a line that looks like a frame. */
const SECRET = 'a "hunter2" b\n    at hunter2 (file.ts:1:1)';

describe('a 500 of an application with the ProblemFilter', () => {
  it('is logged with the request, the tenant, the statement and the place in the application, without data', async () => {
    const log = new LogRecorder();
    const prepare: HostOptions['prepare'] = (app) => app.useGlobalFilters(new ProblemFilter());
    const app = await HostApplication.start({ adapter: 'fastify', imports: [BooksModule], logger: log, prepare });
    const acme = await app.provision('acme', 'row');
    const authorization = `Bearer ${acme.apiKey}`;
    await app.fetch('/books', {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify({ id: 1, title: SECRET, pages: 1 }),
    });
    const answer = await app.fetch(`/books/broken/${encodeURIComponent(SECRET)}`, { headers: { authorization } });
    await app.dispose();
    expect(await answer.json()).toEqual({
      ...{ type: 'about:blank', title: 'Internal Server Error', status: 500, code: 'INTERNAL_ERROR' },
      detail: 'an unexpected error occurred',
    });
    const [line = ''] = log.matching('error', /GET \/books\/broken\/:title/);
    expect(line).toMatch(
      /^GET \/books\/broken\/:title \(request req-\w+, tenant acme\) failed with 500 INTERNAL_ERROR$/m,
    );
    expect(line).toContain('select ?, title :: int from books where title = $1');
    expect(line).toContain('"code":"22P02"');
    expect(line).toMatch(/at BooksController\.broken|at async BooksController\.broken/);
    expect(line).not.toContain('hunter2');
    expect(line).not.toContain('literal');
  });
});
