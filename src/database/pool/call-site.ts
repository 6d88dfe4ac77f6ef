import type { AcquireRequest } from './connection-pool.js';

/** Application, TypeORM and what is ours, down to whoever asked; the usual ten would end inside TypeORM. */
const FRAMES = 40;

/** As built or as written; a test of these folders is no frame of ours. */
const OWN_FRAME = /[/\\](?:src|dist)[/\\]database[/\\](?:pool|connection|statements|transactions)[/\\]/;

/** Where something was asked for. It is put into words only when somebody reads it, which is the dear part. */
export class CallSite {
  private readonly trace: { stack?: string } = {};

  constructor() {
    const usual = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    Error.captureStackTrace(this.trace, CallSite);
    Error.stackTraceLimit = usual;
  }

  /** The stack without the frames of pools and of what sends over them. */
  get stack(): string {
    const lines = (this.trace.stack ?? '').split('\n').slice(1);
    return lines.filter((line) => !OWN_FRAME.test(line)).join('\n');
  }
}

/** Where a lease is asked for; single statements come and go too fast to ask. */
export function siteOf({ hold }: AcquireRequest): CallSite | undefined {
  return hold === 'lease' ? new CallSite() : undefined;
}
