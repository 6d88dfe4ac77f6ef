import { expect, it } from '@jest/globals';
import type { SpanExporter } from '@opentelemetry/sdk-trace-node';
import { ReportingExporter } from '../../../src/tracing/reporting-exporter.js';

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];

const ACCEPTED: Result = { code: 0 };
const REJECTED: Result = { code: 1, error: new Error('connect ECONNREFUSED') };

function exporterReturning(results: readonly Result[]): { exporter: ReportingExporter; logged: string[] } {
  const rest = [...results];
  const logged: string[] = [];
  const inner: SpanExporter = {
    export: (_spans, done) => done(rest.shift() ?? ACCEPTED),
    shutdown: () => Promise.resolve(),
  };
  const logger = {
    log: (line: string) => void logged.push(`log: ${line}`),
    warn: (line: string) => void logged.push(`warn: ${line}`),
  };
  return { exporter: new ReportingExporter(inner, logger), logged };
}

it('the reporting exporter logs once that spans are rejected, once that they are accepted again, and passes on every result', () => {
  const results = [ACCEPTED, REJECTED, REJECTED, ACCEPTED, ACCEPTED, REJECTED];
  const { exporter, logged } = exporterReturning(results);
  const passedOn = results.map(() => {
    let result: Result | undefined;
    exporter.export([], (exported) => void (result = exported));
    return result;
  });
  expect(passedOn).toEqual(results);
  expect(logged).toEqual([
    'warn: Trace export is failing, spans are dropped: connect ECONNREFUSED',
    'log: Trace export has recovered',
    'warn: Trace export is failing, spans are dropped: connect ECONNREFUSED',
  ]);
});
