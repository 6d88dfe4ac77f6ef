import { TestServerMissingError } from './testing.errors.js';

/** The PostgreSQL of a test run. */
export interface TestServer {
  /** As a role with CREATEDB and CREATEROLE; contains the password. */
  readonly url: string;
  readonly release: () => void;
}

const VARIABLE = 'TENANTRY_TEST_DATABASE_URL';

/** The server of the URL or the variable, else the embedded PostgreSQL of the project. @throws TestServerMissingError */
export async function useTestServer(databaseUrl: string | undefined): Promise<TestServer> {
  const url = databaseUrl ?? process.env[VARIABLE];
  if (url) return { url, release: () => {} };
  const { joinSharedPostgres } = await import('../dev/embedded-postgres/shared-postgres.js');
  const { BinariesMissingError } = await import('../dev/embedded-postgres/embedded.errors.js');
  try {
    return await joinSharedPostgres({ project: process.cwd() });
  } catch (error) {
    throw error instanceof BinariesMissingError ? new TestServerMissingError(error) : error;
  }
}
