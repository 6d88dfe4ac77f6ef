import { Injectable } from '@nestjs/common';
import { withDeadline } from '../timeout.js';

type Close = () => unknown;

/** A server that is frozen must not keep a process that could not start. */
const CLOSE_WITHIN_MS = 10_000;

/**
 * Everything that was opened before the application had started. Nest calls no shutdown hooks of an application whose start
 * fails: its connections, and an embedded PostgreSQL, would keep the process for ever.
 */
@Injectable()
export class OpenResources {
  private readonly closers: Close[] = [];
  private hasFailed = false;

  /** Remembers how to close something. Closes it at once when the start has failed meanwhile. */
  add(close: Close): void {
    this.closers.push(close);
    if (this.hasFailed) void this.closeAll();
  }

  /** Runs a step of the start. When it fails, everything that is open is closed before the error is thrown. */
  async during<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      await this.closeAll();
      throw error;
    }
  }

  /** Closes what is open, the last first. Never rejects. */
  async closeAll(): Promise<void> {
    this.hasFailed = true;
    for (let close = this.closers.pop(); close; close = this.closers.pop()) {
      try {
        await withDeadline(Promise.resolve(close()), CLOSE_WITHIN_MS);
      } catch {
        // the error of the start is the one to report
      }
    }
  }
}
