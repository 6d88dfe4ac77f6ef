import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../dist/dev/embedded-postgres/embedded-postgres.js';

/**
 * Returns the server that `TEST_POSTGRES` describes, or starts an embedded one on a free port; `stop` stops the latter.
 */
export async function startServer() {
  const testPostgres = process.env.TEST_POSTGRES;
  if (testPostgres === undefined) return startEmbedded();
  const { host, port, owner, ownerPassword } = JSON.parse(testPostgres);
  return { host, port, database: 'postgres', role: owner, password: ownerPassword, stop: async () => {} };
}

async function startEmbedded() {
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
  await chmod(dataDir, 0o755); // as root, PostgreSQL runs as another user
  const passwords = { superuser: randomBytes(12).toString('hex'), owner: randomBytes(12).toString('hex') };
  const postgres = await EmbeddedPostgres.start({ dataDir, passwords });
  const url = new URL(postgres.url);
  return {
    host: url.hostname,
    port: Number(url.port),
    database: url.pathname.slice(1),
    role: url.username,
    password: passwords.owner,
    stop: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true });
    },
  };
}
