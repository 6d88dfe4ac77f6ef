// Jest's globalSetup: one PostgreSQL for the whole run, in a temporary folder, on a free port.
// Several projects name this module; jest calls it once per path, and it starts nothing a second time.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';

/** The key of the started services for the teardown: both run in jest's own process. */
export const SERVICES = Symbol.for('tenantry.test-services');

const compiled = (path) => new URL(`../../dist/dev/embedded-postgres/${path}`, import.meta.url);

export default async function startServices() {
  if (globalThis[SERVICES]) return;
  if (process.env.TEST_SERVICES === 'given') return; // a spec that runs others has set TEST_POSTGRES
  if (!existsSync(compiled('embedded-postgres.js'))) {
    throw new Error('dist/ is missing: run "npm test", which builds it, or "npm run build"');
  }
  const { EmbeddedPostgres } = await import(compiled('embedded-postgres.js').href);
  const { removeAbandoned, stagingPath } = await import(compiled('staging.js').href);

  // A run that was interrupted leaves its folder (not its server, which ends with it); the next one removes it.
  const name = `tenantry-test-${userInfo().uid}`;
  await removeAbandoned(tmpdir(), name);
  const folder = stagingPath(tmpdir(), name);
  await mkdir(folder);
  await chmod(folder, 0o755); // regardless of the umask: under root, PostgreSQL runs as another user

  const passwords = { superuser: randomBytes(12).toString('hex'), owner: randomBytes(12).toString('hex') };
  const postgres = await EmbeddedPostgres.start({
    dataDir: folder,
    passwords,
    // The data need not survive a crash of the machine.
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' },
  });
  globalThis[SERVICES] = { postgres, folder };
  process.env.TEST_POSTGRES = JSON.stringify({
    host: '127.0.0.1',
    port: postgres.port,
    superuser: 'postgres',
    superuserPassword: passwords.superuser,
    owner: 'tenantry',
    ownerPassword: passwords.owner,
  });
}
