import { execFileSync } from 'node:child_process';
import { chmod, chown, copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asSuperuser, testServer } from '../../support/postgres/postgres.js';

const ADMINISTRATOR = { name: 'guide_administrator', password: 'of the service' };

/**
 * The test's PostgreSQL as a provider offers it: with TLS by an authority of its own, for the name `localhost`, and an
 * administrator that is no superuser.
 */
export class ManagedServer {
  private constructor(
    /** Path of the authority's certificate. */
    readonly authority: string,
  ) {}

  static async prepare(folder: string): Promise<ManagedServer> {
    makeCertificates(folder);
    const [row] = await asSuperuser<{ data_directory: string }>('postgres', 'SHOW data_directory');
    const data = row?.data_directory ?? '';
    const { uid, gid } = await stat(data);
    for (const name of ['server.crt', 'server.key']) {
      await copyFile(join(folder, name), join(data, name));
      await chmod(join(data, name), 0o600);
      await chown(join(data, name), uid, gid);
    }
    await asSuperuser('postgres', "ALTER SYSTEM SET ssl = 'on'");
    await asSuperuser('postgres', 'SELECT pg_reload_conf()');
    const { name, password } = ADMINISTRATOR;
    await asSuperuser('postgres', `CREATE ROLE ${name} LOGIN CREATEDB CREATEROLE PASSWORD '${password}'`);
    await asSuperuser('postgres', `GRANT CONNECT ON DATABASE postgres TO ${name}`);
    return new ManagedServer(join(folder, 'authority.crt'));
  }

  get address(): string {
    return `localhost:${testServer().port}`;
  }

  /** What psql connects with. */
  get asAdministrator(): Readonly<Record<string, string>> {
    const { port } = testServer();
    return { PGHOST: 'localhost', PGPORT: `${port}`, PGUSER: ADMINISTRATOR.name, PGPASSWORD: ADMINISTRATOR.password };
  }

  get asSuperuser(): Readonly<Record<string, string>> {
    const { superuser, superuserPassword } = testServer();
    return {
      ...this.asAdministrator,
      ...{ PGUSER: superuser, PGPASSWORD: superuserPassword, NODE_EXTRA_CA_CERTS: this.authority },
    };
  }

  /** Drops what the guide has made here. */
  async clear(): Promise<void> {
    const named = (column: string): string => `${column} ~ '^(shop_|guide_)' AS is_ours, ${column} AS name`;
    await asSuperuser('postgres', `REVOKE CONNECT ON DATABASE postgres FROM ${ADMINISTRATOR.name}`);
    for (const [query, drop] of [
      [`SELECT ${named('datname')} FROM pg_database`, 'DROP DATABASE'],
      [`SELECT ${named('rolname')} FROM pg_roles`, 'DROP ROLE'],
    ] as const) {
      const rows = await asSuperuser<{ is_ours: boolean; name: string }>('postgres', query);
      for (const { name } of rows.filter(({ is_ours: isOurs }) => isOurs))
        await asSuperuser('postgres', `${drop} "${name}"`);
    }
  }
}

/** `authority.crt`, and `server.crt` of it for `localhost` with `server.key`. */
function makeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]): Buffer => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = (name: string): readonly string[] => ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
  openssl(
    'req',
    '-x509',
    ...key('authority'),
    '-out',
    'authority.crt',
    '-subj',
    '/CN=an authority of the test',
    '-days',
    '2',
  );
  openssl(
    'req',
    ...key('server'),
    '-out',
    'server.csr',
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost',
  );
  openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'authority.crt', '-CAkey', 'authority.key', '-CAcreateserial'],
    ...['-copy_extensions', 'copy', '-days', '2', '-out', 'server.crt'],
  );
}
