import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';

const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'];

/** Nest tells of every module and route that it finds; that is for those who look for it. */
const FRAMEWORK = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);

/** Nest's console logger in the format and from the level that the configuration asks for. */
export class AppLogger extends ConsoleLogger {
  constructor({ log }: AppConfig) {
    const json = log.format === 'json';
    super({ json, colors: !json && process.stdout.isTTY, logLevels: levels(log.level) });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (FRAMEWORK.has(String(rest.at(-1)))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}

function levels(level: AppConfig['log']['level']): LogLevel[] {
  if (level === 'silent') return [];
  const name = level === 'info' ? 'log' : level === 'trace' ? 'verbose' : level;
  return LEVELS.slice(0, LEVELS.indexOf(name) + 1);
}
