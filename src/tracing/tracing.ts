import { processWide } from '../platform/process-wide.js';

/** Describes a span. Must not contain values from requests, because traces are sent to third parties. */
export interface SpanDescription {
  readonly name: string;
  /** `client` for a call to another server. */
  readonly kind: 'internal' | 'client';
  readonly attributes: SpanAttributes;
}

export type SpanAttributes = Readonly<Record<string, string | number>>;

/** Tracing as used by the code being traced; independent of OpenTelemetry's packages. */
export interface Tracing {
  /**
   * Runs `work` in a span of the current trace. Outside a trace, and in one that is not recorded, only runs `work` and
   * does not call `describe`.
   */
  within<T>(describe: () => SpanDescription, work: () => Promise<T>): Promise<T>;
  /** Adds attributes to the current span; does nothing outside one. */
  annotate(attributes: SpanAttributes): void;
}

const shared = processWide('tracing', (): { current?: Tracing | undefined } => ({}));

/** Undefined unless tracing is enabled, so that disabled tracing costs only this check. */
export function currentTracing(): Tracing | undefined {
  return shared.current;
}

/** Sets the tracing of the process; one per process, like OpenTelemetry's own registration. */
export function useTracing(tracing: Tracing | undefined): void {
  shared.current = tracing;
}
