import type { LoggerService } from '@nestjs/common';
import { START_LOG } from '../../catalog/startup-wait.js';

/** The log of a command without `--verbose`: nothing but, on stderr, what the start waits for. */
export class QuietLog implements LoggerService {
  constructor(private readonly stderr: NodeJS.WritableStream) {}

  warn(message: unknown, context?: unknown): void {
    if (context === START_LOG) this.stderr.write(`${String(message)}\n`);
  }

  log(): void {}

  error(): void {}
}
