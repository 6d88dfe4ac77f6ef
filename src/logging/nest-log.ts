import type { LoggerService } from '@nestjs/common';
import type { Log } from './log.js';
import { StructuredMessage } from './structured-message.js';

/** Contexts in which Nest logs every module and route; logged at debug level. */
const FRAMEWORK = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);

/** Adapts Nest's loggers to the log of the process. Nest passes the context last, preceded by the stack for errors. */
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
    this.target.error({ context: rest.at(-1), ...fieldsOf(message), stack: rest.at(-2) }, textOf(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.target.warn({ context: rest.at(-1), ...fieldsOf(message) }, textOf(message));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.target.debug({ context: rest.at(-1) }, String(message));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.target.trace({ context: rest.at(-1) }, String(message));
  }
}

function fieldsOf(message: unknown): object {
  return message instanceof StructuredMessage ? message.fields : {};
}

function textOf(message: unknown): string {
  return message instanceof StructuredMessage ? message.message : String(message);
}
