import type { AcquireRequest } from './connection-pool.js';

/** Deep enough to reach the application's frames; with V8's default of ten, the stack would end inside TypeORM. */
const MAX_FRAMES = 40;

/** Compiled or source files of the database layer; its tests, which have the same folder names, are not matched. */
const INTERNAL_FRAME = /[/\\](?:src|dist)[/\\]database[/\\](?:pool|connection|statements|transactions)[/\\]/;

/** Where a connection was requested. Formatted lazily, because formatting a stack is expensive. */
export class CallSite {
  private readonly trace: { stack?: string } = {};

  constructor() {
    const defaultLimit = Error.stackTraceLimit;
    Error.stackTraceLimit = MAX_FRAMES;
    Error.captureStackTrace(this.trace, CallSite);
    Error.stackTraceLimit = defaultLimit;
  }

  /** The stack without frames of the database layer. */
  get stack(): string {
    const lines = (this.trace.stack ?? '').split('\n').slice(1);
    return lines.filter((line) => !INTERNAL_FRAME.test(line)).join('\n');
  }
}

/** The call site of a lease; undefined for single statements, which are too short-lived to be worth the cost. */
export function callSiteOf({ hold }: AcquireRequest): CallSite | undefined {
  return hold === 'lease' ? new CallSite() : undefined;
}
