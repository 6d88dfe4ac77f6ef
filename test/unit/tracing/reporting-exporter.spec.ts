import { expect, it } from '@jest/globals';
import type { SpanExporter } from '@opentelemetry/sdk-trace-node';
import { ReportingExporter } from '../../../src/tracing/reporting-exporter.js';

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];

const TAKEN: Result = { code: 0 };
const REFUSED: Result = { code: 1, error: new Error('connect ECONNREFUSED') };

function exporterAnswering(results: readonly Result[]): { exporter: ReportingExporter; said: string[] } {
  const rest = [...results];
  const said: string[] = [];
  const inner: SpanExporter = {
    export: (_spans, done) => done(rest.shift() ?? TAKEN),
    shutdown: () => Promise.resolve(),
  };
  const say = {
    log: (line: string) => void said.push(`log: ${line}`),
    warn: (line: string) => void said.push(`warn: ${line}`),
  };
  return { exporter: new ReportingExporter(inner, say), said };
}

it('says once that spans are not taken, and once that they are again, and passes every result on', () => {
  const results = [TAKEN, REFUSED, REFUSED, TAKEN, TAKEN, REFUSED];
  const { exporter, said } = exporterAnswering(results);
  const passedOn = results.map(() => {
    let result: Result | undefined;
    exporter.export([], (given) => void (result = given));
    return result;
  });
  expect(passedOn).toEqual(results);
  expect(said).toEqual([
    'warn: Trace export is failing, spans are dropped: connect ECONNREFUSED',
    'log: Trace export has recovered',
    'warn: Trace export is failing, spans are dropped: connect ECONNREFUSED',
  ]);
});
