import { pino, type Logger as Log } from 'pino';
import pretty from 'pino-pretty';
import type { AppConfig } from '../platform/config/app-config.js';
import { parseDatabaseUrl } from '../platform/postgres/database-url.js';
import { redactor } from './redact.js';

export type { Log };

/** Creates the log of the process: JSON lines, or readable text for a terminal. Secrets are redacted. */
export function createLog(config: AppConfig, destination: NodeJS.WritableStream = process.stdout): Log {
  const { log, worker } = config;
  const stream =
    log.format === 'json'
      ? destination
      : pretty({
          destination,
          colorize: (destination as Partial<NodeJS.WriteStream>).isTTY === true,
          sync: true,
          ignore: 'pid,worker,context,request',
          translateTime: 'HH:MM:ss',
          messageFormat: '{if worker}[worker {worker}] {end}{if context}[{context}] {end}{msg}',
        });
  return pino(
    {
      level: log.level,
      base: { pid: process.pid, ...(worker && { worker: worker.number }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactor(secretsOf(config)) },
    },
    stream as NodeJS.WritableStream & { write(line: string): void },
  );
}

function secretsOf({ security, cache, database }: AppConfig): (string | undefined)[] {
  return [
    security.adminApiKey,
    security.jwt.secret,
    ...security.encryptionKeys.map(({ key }) => key.toString('base64')),
    cache.redis.password,
    ...[database.url, database.directUrl, database.tenantUrl].map((url) => url && parseDatabaseUrl(url).password),
    cache.redis.url && decodeURIComponent(new URL(cache.redis.url).password),
  ];
}
