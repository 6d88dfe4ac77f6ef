import type { LoggerService } from '@nestjs/common';
import { START_LOG } from '../../catalog/startup-wait.js';
import { INDEX_LOG } from '../../database/table-migrations/execution/index-warnings.js';

const SHOWN: readonly unknown[] = [START_LOG, INDEX_LOG];

/** The log of a command without `--verbose`: on stderr, what the start waits for, and warnings of migrations; nothing else. */
export class QuietLog implements LoggerService {
  constructor(private readonly stderr: NodeJS.WritableStream) {}

  warn(message: unknown, context?: unknown): void {
    if (SHOWN.includes(context)) this.stderr.write(`${String(message)}\n`);
  }

  log(): void {}

  error(): void {}
}
