import { expect, it } from '@jest/globals';
import { traceExportSettings } from '../../../src/tracing/tracing-variables.js';

const ENDPOINT = 'http://user:secret@collector:4318/base';

it.each([
  ['nothing is set', {}],
  ['only the name is set', { OTEL_SERVICE_NAME: 'shop' }],
  ['the endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
  ['the SDK is disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: 'True' }],
  ['there is no exporter', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
  ['only metrics have an endpoint', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: ENDPOINT }],
])('tracing is off when %s', (_when, env) => {
  expect(traceExportSettings(env)).toEqual({ kind: 'none' });
});

it.each([
  ['the general endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT }],
  ["the traces' own endpoint", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT: 'x' }],
  ['the supported protocol', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }],
  ['an SDK that is not disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: 'false' }],
])('tracing is on with %s, and its endpoint is named without credentials', (_by, env) => {
  expect(traceExportSettings(env)).toEqual({ kind: 'otlp', endpoint: 'http://collector:4318' });
});

it.each([
  [
    'another exporter',
    { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_TRACES_EXPORTER: 'zipkin' },
    'OTEL_TRACES_EXPORTER',
  ],
  [
    'gRPC',
    { OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    'OTEL_EXPORTER_OTLP_PROTOCOL',
  ],
  ['no URL', { OTEL_EXPORTER_OTLP_ENDPOINT: 'secret@collector:4318' }, 'URL'],
])('tracing reports %s as unsupported without showing the value', (_what, env, said) => {
  const wish = traceExportSettings(env);
  expect(wish).toEqual({ kind: 'unsupported', reason: expect.stringContaining(said) });
  expect(JSON.stringify(wish)).not.toContain('secret');
});
