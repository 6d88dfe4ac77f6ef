import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { context, propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { useHostTracing } from '../../../../src/tracing/host-tracing.js';
import { currentTracing, useTracing } from '../../../../src/tracing/tracing.js';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';

let tenants: TestTenants;
let acme: TestTenant;
let exporter: InMemorySpanExporter;

beforeAll(async () => {
  tenants = await TestTenants.create();
  acme = tenants.named('acme');
});
afterEach(() => {
  useTracing(undefined);
  for (const api of [trace, context, propagation]) api.disable();
});
afterAll(() => tenants.close());

/** What an application does that has an SDK of its own. */
function registerSdk(): void {
  exporter = new InMemorySpanExporter();
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
}

describe("tracing in an application's own SDK", () => {
  it('adds the spans of statements to its traces', async () => {
    registerSdk();
    await useHostTracing();
    await trace.getTracer('host').startActiveSpan('request', async (span) => {
      await acme.dataSource.query('SELECT 1');
      span.end();
    });
    const spans = exporter.getFinishedSpans();
    const request = spans.find(({ name }) => name === 'request');
    expect(spans.find(({ name }) => name === 'SELECT')).toMatchObject({
      attributes: { 'db.system.name': 'postgresql', 'db.query.text': 'select ?' },
      parentSpanContext: { spanId: request?.spanContext().spanId },
    });
  });

  it('stays off, so that statements cost nothing, when none is registered', async () => {
    await useHostTracing();
    expect(currentTracing()).toBeUndefined();
  });

  it('leaves the tracing that the application has started itself', async () => {
    registerSdk();
    const own = { within: <T>(_: unknown, work: () => Promise<T>) => work(), annotate: () => undefined };
    useTracing(own);
    await useHostTracing();
    expect(currentTracing()).toBe(own);
  });
});
