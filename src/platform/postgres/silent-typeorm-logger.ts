import type { Logger } from 'typeorm';

/** One logger for all data sources. Statements are timed and failures reported by the layers around TypeORM. */
export class SilentTypeormLogger implements Logger {
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
