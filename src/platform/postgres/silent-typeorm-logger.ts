import type { Logger } from 'typeorm';

/** Silences TypeORM: the layers around it already time statements and report failures. */
export class SilentTypeormLogger implements Logger {
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
