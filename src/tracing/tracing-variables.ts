import { z } from 'zod';

/** The part of OpenTelemetry's standard variables that decides whether the SDK is loaded. */
export type TraceExportSettings =
  | { readonly kind: 'none' }
  /** `endpoint`: origin of the collector, without path and credentials. */
  | { readonly kind: 'otlp'; readonly endpoint: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

/** The only protocol whose exporter is installed, and the default of the specification. */
const PROTOCOL = 'http/protobuf';

const endpointUrl = z.url({ protocol: /^https?$/, abort: true });

/**
 * Reads only the variables that decide; the SDK reads the others (name, sampler, headers, batches, limits) itself.
 * Sources: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/, where an empty value counts as not set.
 */
export function traceExportSettings(env: NodeJS.ProcessEnv): TraceExportSettings {
  const endpoint = first(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT');
  const exporter = first(env, 'OTEL_TRACES_EXPORTER') ?? 'otlp';
  const disabled = first(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
  if (endpoint === undefined || disabled || exporter === 'none') return { kind: 'none' };
  if (exporter !== 'otlp') return unsupported('OTEL_TRACES_EXPORTER must be otlp or none');
  const protocol = first(env, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL') ?? PROTOCOL;
  if (protocol !== PROTOCOL) return unsupported(`OTEL_EXPORTER_OTLP_PROTOCOL must be ${PROTOCOL}`);
  if (!endpointUrl.safeParse(endpoint).success)
    return unsupported('the OTLP endpoint must be an http:// or https:// URL');
  return { kind: 'otlp', endpoint: new URL(endpoint).origin };
}

function first(env: NodeJS.ProcessEnv, ...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]?.trim()).find((value) => value !== undefined && value !== '');
}

function unsupported(reason: string): TraceExportSettings {
  return { kind: 'unsupported', reason };
}
