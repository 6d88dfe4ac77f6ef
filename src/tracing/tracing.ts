/** What a trace shows of a piece of work. Never a value that a caller gave: traces leave the house. */
export interface SpanDescription {
  readonly name: string;
  /** `client`: it waits for the answer of another server. */
  readonly kind: 'internal' | 'client';
  readonly attributes: SpanAttributes;
}

export type SpanAttributes = Readonly<Record<string, string | number>>;

/** The traces of this process, as the parts that do the work see them. */
export interface Tracing {
  /**
   * Runs `work` in a span of the trace that the current call belongs to. Outside a trace, and in one that is not
   * recorded, it only runs `work`, and `describe` is not asked.
   */
  within<T>(describe: () => SpanDescription, work: () => Promise<T>): Promise<T>;
  /** Says more about the current span; nothing outside one. */
  annotate(attributes: SpanAttributes): void;
}

let current: Tracing | undefined;

/** Undefined unless tracing was asked for: all that it costs then is this look. */
export function currentTracing(): Tracing | undefined {
  return current;
}

/** One per process, as OpenTelemetry's own registration is. */
export function useTracing(tracing: Tracing | undefined): void {
  current = tracing;
}
