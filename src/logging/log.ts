import { pino, type Logger as Log } from 'pino';
import pretty from 'pino-pretty';
import type { AppConfig } from '../config/app-config.js';
import { redact } from './redact.js';

export type { Log };

/** The one log of the process: JSON lines, or readable ones for a terminal. */
export function createLog({ log }: Pick<AppConfig, 'log'>, destination: NodeJS.WritableStream = process.stdout): Log {
  const stream =
    log.format === 'json'
      ? destination
      : pretty({
          destination,
          colorize: (destination as Partial<NodeJS.WriteStream>).isTTY === true,
          sync: true,
          ignore: 'pid,context,request',
          translateTime: 'HH:MM:ss',
          messageFormat: '{if context}[{context}] {end}{msg}',
        });
  return pino(
    {
      level: log.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redact },
    },
    stream as NodeJS.WritableStream & { write(line: string): void },
  );
}
