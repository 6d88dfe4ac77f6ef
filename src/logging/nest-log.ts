import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.js';

/** Nest tells of every module and route that it finds; that is for those who look for it. */
const FRAMEWORK = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);

/** Nest's loggers write to the process's log. Nest passes the context last, and before it a stack for errors. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    this.target[FRAMEWORK.has(String(context)) ? 'debug' : 'info']({ context }, String(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.target.fatal({ context: rest.at(-1), stack: rest.at(-2) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.target.error({ context: rest.at(-1), stack: rest.at(-2) }, String(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.target.warn({ context: rest.at(-1) }, String(message));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.target.debug({ context: rest.at(-1) }, String(message));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.target.trace({ context: rest.at(-1) }, String(message));
  }
}
