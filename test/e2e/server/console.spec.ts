import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TestApp } from '../../support/test-app.js';

const FIRST_LOAD_BYTES = 150 * 1024;
let app: TestApp;
let assets: string[];

beforeAll(async () => {
  execFileSync(process.execPath, ['console/build.mjs']);
  app = await TestApp.start();
  const { text } = await app.call('/console');
  assets = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
});

afterAll(async () => app.dispose());

it('the page is served with a strict policy, and asked for again each time', async () => {
  const { status, headers } = await app.call('/console');
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200,
    'text/html; charset=utf-8',
    'no-cache',
  ]);
  expect(headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; " +
      "form-action 'none'; frame-ancestors 'none'",
  );
  expect([headers.get('x-content-type-options'), headers.get('referrer-policy')]).toEqual(['nosniff', 'no-referrer']);
  const again = await app.call('/console', { headers: { 'if-none-match': headers.get('etag')! } });
  expect([again.status, again.text]).toEqual([304, '']);
});

it('script and style have names of their content, and may be kept for a year', async () => {
  expect(assets).toEqual([
    expect.stringMatching(/^\/console\/assets\/console-[A-Z0-9]{8}\.css$/),
    expect.stringMatching(/^\/console\/assets\/main-[A-Z0-9]{8}\.js$/),
  ]);
  for (const path of assets) {
    const { status, headers } = await app.call(path);
    expect([status, headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
      'nosniff',
    ]);
  }
});

it('the first load is under 150 KB compressed', async () => {
  const answers = await Promise.all(['/console', ...assets].map((path) => app.call(path)));
  const bytes = answers.reduce((sum, { text }) => sum + gzipSync(text).length, 0);
  expect(bytes).toBeGreaterThan(5_000);
  expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
});

it.each([
  '/console/assets/missing.js',
  '/console/assets/index.html',
  '/console/assets/..%2f..%2fpackage.json',
  '/console/assets/%2e%2e%2findex.html',
  '/console/assets/..%5c..%5cpackage.json',
  '/console/assets/constructor',
  '/console/assets/',
])('%s is not found, as a problem', async (path) => {
  const { status, body } = await app.call(path);
  expect([status, body.code]).toEqual([404, 'NOT_FOUND']);
});

it('ENABLE_CONSOLE=false serves nothing of it', async () => {
  const without = await TestApp.over(app.database, { ENABLE_CONSOLE: 'false' });
  try {
    expect((await without.call('/console')).status).toBe(404);
    expect((await without.call(assets[0]!)).status).toBe(404);
  } finally {
    await without.stop();
  }
});
