import { createTestDatabase, type TestDatabase } from '../support/postgres/postgres.js';
import type { PgBouncer } from '../support/postgres/pgbouncer.js';
import { TestApp } from '../support/test-app.js';

/** How a contract starts the application over a catalog; a second start over the same one is another instance. */
export type Launch = (database: TestDatabase, env?: Record<string, string>) => Promise<TestApp>;

/** With PostgreSQL itself at `DATABASE_URL`, as in most deployments. */
export const launchDirectly: Launch = (database, env) => TestApp.over(database, env);

/** Behind a pooler, which must be running by the time of the launch. */
export function launchBehind(pooler: () => PgBouncer): Launch {
  return (database, env) => TestApp.over(database, { ...pooler().environment(database), ...env });
}

/** With a catalog of its own. */
export async function launchNew(launch: Launch, env?: Record<string, string>): Promise<TestApp> {
  return launch(await createTestDatabase('catalog'), env);
}
