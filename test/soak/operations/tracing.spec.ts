import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { OtlpReceiver, type ReceivedSpan } from '../../support/tracing/otlp-receiver.js';
import { type Place, TracedService } from '../../support/tracing/traced-service.js';
import { createTestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const SERVER = 2;

/** Nothing is sent before the end: what arrives was sent by an orderly stop. */
const LATE = { OTEL_BSP_SCHEDULE_DELAY: '3600000' };

/** Writes the name of each package that a module imports into a file; `missing` cannot be found. */
const watchImports = (file: string, missing = ''): string => `
  import { appendFileSync } from 'node:fs';
  export async function resolve(name, context, next) {
    if (name.startsWith('@')) appendFileSync(${JSON.stringify(file)}, name + '\\n');
    if (name !== ${JSON.stringify(missing)}) return next(name, context);
    throw Object.assign(new Error("Cannot find package '" + name + "' imported from here"), { code: 'ERR_MODULE_NOT_FOUND' });
  }`;

let place: Place;
let collector: OtlpReceiver;
let service: TracedService;

beforeAll(async () => {
  place = {
    database: await createTestDatabase('traced'),
    dataDir: await mkdtemp(join(tmpdir(), 'tenantry-traced-')),
  };
});

afterAll(async () => {
  await dropEverything(place.database);
  await rm(place.dataDir, { recursive: true, force: true });
});

beforeEach(async () => {
  collector = await OtlpReceiver.start();
});

afterEach(async () => {
  await service.stop();
  await collector.stop();
});

const importsFile = (): string => join(place.dataDir, 'imports.log');
const ofTrace = (traceId: string): ReceivedSpan[] => collector.spans.filter((span) => span.traceId === traceId);

describe('the application with an OTLP endpoint', () => {
  it("traces a request, its waits and its statements in the caller's trace, without any value", async () => {
    service = await TracedService.start(place, {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'shop', ...LATE },
    });
    const email = `secret.${Date.now()}@example.com`;
    const created = await service.call('/api/v1/customers?note=hidden', {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${TRACE}-${CALLER}-01` },
      // Read from the socket in many pieces: the trace must not be lost over that.
      body: JSON.stringify({ email, name: 'Grace Brewster Hopper' }).padEnd(500_000),
    });
    expect(created.status).toBe(201);
    expect(await service.stop()).toBe(0);

    const spans = ofTrace(TRACE);
    const request = spans.find((span) => span.attributes['http.response.status_code'] === 201);
    expect(request).toMatchObject({
      parentId: CALLER,
      name: 'POST /api/v1/customers',
      kind: SERVER,
      status: 0,
      resource: { 'service.name': 'shop', 'service.instance.id': expect.stringMatching(/./) },
      attributes: { 'http.request.method': 'POST', 'http.route': '/api/v1/customers', 'url.path': '/api/v1/customers' },
    });
    const below = spans.filter(({ parentId }) => parentId === request?.spanId);
    expect(below.map(({ name }) => name).toSorted()).toEqual(['INSERT', 'wait for a connection']);
    expect(below.find(({ name }) => name === 'INSERT')?.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.namespace': `${place.database.name}_shared`,
      'db.operation.name': 'INSERT',
      'db.query.text': expect.stringMatching(/^insert into .*"customers".* values \(.*\$1.*\)/),
    });
    for (const value of [email, 'Hopper', 'hidden']) expect(collector.said).not.toContain(value);
  });

  it('traces a transaction statement by statement, and a refused statement as failed', async () => {
    service = await TracedService.start(place, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...LATE });
    const send = (name: string, traceId: string): Promise<Response> =>
      service.call('/api/v1/customers', {
        method: 'POST',
        headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${CALLER}-01` },
        body: JSON.stringify({ email: 'twice@example.com', name }),
      });
    await send('first', TRACE);
    const customers = (await (await service.call('/api/v1/customers?limit=1')).json()) as { items: { id: string }[] };
    expect((await send('second', TRACE.replace('4b', '5c'))).status).toBe(409);
    const order = await service.call('/api/v1/orders', {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${TRACE.replace('4b', '6d')}-${CALLER}-01` },
      body: JSON.stringify({
        number: 'T-1',
        currency: 'EUR',
        customerId: customers.items[0]?.id,
        lines: [{ description: 'Tea', quantity: 1, unitPrice: 5 }],
      }),
    });
    expect(order.status).toBe(201);
    await service.stop();

    const refused = ofTrace(TRACE.replace('4b', '5c'));
    expect(refused.find(({ name }) => name === 'INSERT')).toMatchObject({
      status: 2,
      attributes: { 'error.type': '23505' },
    });
    expect(collector.said).not.toContain('twice@example.com');
    const statements = ofTrace(TRACE.replace('4b', '6d')).filter(({ kind }) => kind === 3);
    // BEGIN is sent with the first statement.
    expect(statements.map(({ name }) => name)).toEqual(['INSERT', 'INSERT', 'COMMIT']);
  });

  it('omits spans of unsampled traces, of probes, and of work without a request', async () => {
    service = await TracedService.start(place, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...LATE });
    await service.call('/api/v1/orders', { headers: { traceparent: `00-${TRACE}-${CALLER}-00` } });
    await service.call('/health/ready');
    await service.call('/api/v1/tenant');
    await service.stop();
    const roots = collector.spans.filter(({ parentId }) => parentId === '');
    expect(roots.map(({ name }) => name)).toEqual(['GET /api/v1/tenant']);
    expect(ofTrace(TRACE)).toEqual([]);
  });

  it('obeys the sampler set in the environment', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'always_off', ...LATE };
    service = await TracedService.start(place, env);
    await service.call('/api/v1/orders');
    await service.stop();
    expect(service.output).toContain('Exporting traces to');
    expect(collector.spans).toEqual([]);
  });

  it('serves and stops in time while the collector is down, and logs it once', async () => {
    await collector.stop();
    service = await TracedService.start(place, {
      ...{
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '10',
        OTEL_EXPORTER_OTLP_TIMEOUT: '50',
      },
    });
    for (let i = 0; i < 5; i += 1) expect((await service.call('/api/v1/orders')).status).toBe(200);
    expect(await service.stop()).toBe(0);
    expect(service.output.match(/Trace export is failing/g)).toHaveLength(1);
  });

  it('serves without traces when the SDK is not installed, and names the missing package', async () => {
    const missing = '@opentelemetry/exporter-trace-otlp-proto';
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...LATE };
    service = await TracedService.start(place, env, watchImports(importsFile(), missing));
    expect((await service.call('/api/v1/orders')).status).toBe(200);
    expect(await service.stop()).toBe(0);
    expect(service.output.match(/Tracing is disabled: .*/g)).toEqual([
      `Tracing is disabled: ${missing} is not installed`,
    ]);
    expect(collector.spans).toEqual([]);
  });
});

describe('OpenTelemetry', () => {
  const imported = async (): Promise<string[]> => (await readFile(importsFile(), 'utf8')).split('\n');

  beforeEach(() => writeFile(importsFile(), ''));

  it.each([
    ['no variable is set', () => ({})],
    ['the SDK is disabled', () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SDK_DISABLED: 'true' })],
  ])('is not loaded when %s', async (_when, env) => {
    service = await TracedService.start(place, env(), watchImports(importsFile()));
    expect((await service.call('/api/v1/orders')).status).toBe(200);
    await service.stop();
    expect(await imported()).toContain('@nestjs/core');
    expect((await imported()).filter((name) => name.startsWith('@opentelemetry/'))).toEqual([]);
  });

  it('is loaded when there is an endpoint', async () => {
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`, ...LATE };
    service = await TracedService.start(place, env, watchImports(importsFile()));
    await service.stop();
    expect(await imported()).toContain('@opentelemetry/sdk-trace-node');
  });
});
