import { z } from 'zod';

/** What OpenTelemetry's standard variables ask for, as far as it decides whether the SDK is loaded. */
export type TracingWish =
  | { readonly kind: 'none' }
  /** `to`: where the spans go, without path and credentials. */
  | { readonly kind: 'otlp'; readonly to: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

/** The only protocol whose exporter is installed, and the standard's default. */
const PROTOCOL = 'http/protobuf';

const endpoint = z.url({ protocol: /^https?$/, abort: true });

/**
 * Reads only what decides; everything else (name, sampler, headers, batches, limits) the SDK reads by itself.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/, where an empty value counts as not set.
 */
export function tracingWish(env: NodeJS.ProcessEnv): TracingWish {
  const address = first(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT');
  const exporter = first(env, 'OTEL_TRACES_EXPORTER') ?? 'otlp';
  const disabled = first(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true';
  if (address === undefined || disabled || exporter === 'none') return { kind: 'none' };
  if (exporter !== 'otlp') return unsupported('OTEL_TRACES_EXPORTER can be otlp or none here');
  const protocol = first(env, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL') ?? PROTOCOL;
  if (protocol !== PROTOCOL) return unsupported(`OTEL_EXPORTER_OTLP_PROTOCOL can be ${PROTOCOL} here`);
  if (!endpoint.safeParse(address).success) return unsupported('the OTLP endpoint must be an http:// or https:// URL');
  return { kind: 'otlp', to: new URL(address).origin };
}

function first(env: NodeJS.ProcessEnv, ...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]?.trim()).find((value) => value !== undefined && value !== '');
}

function unsupported(reason: string): TracingWish {
  return { kind: 'unsupported', reason };
}
