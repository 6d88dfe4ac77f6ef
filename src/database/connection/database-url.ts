import type { ConnectionTarget, ServerAddress } from './connection-target.js';

/**
 * Parses `postgres://role:password@host:port/database?sslmode=…` into a target. libpq's TLS modes
 * (https://www.postgresql.org/docs/current/libpq-ssl.html) that encrypt without verifying the certificate become
 * `require`, those that verify it become `verify-full`, all others `disable`.
 *
 * @throws TypeError when `text` is not a URL
 */
export function targetOfUrl(text: string, serverId: string): ConnectionTarget {
  const url = new URL(text);
  const server: ServerAddress = {
    id: serverId,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 5432 : Number(url.port),
    tls: tlsOf(url.searchParams.get('sslmode')),
  };
  return Object.freeze({
    id: serverId,
    version: '1',
    shared: false,
    server: Object.freeze(server),
    database: decodeURIComponent(url.pathname.slice(1)),
    role: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    options: url.searchParams.get('options') ?? undefined,
  });
}

function tlsOf(sslmode: string | null): ServerAddress['tls'] {
  switch (sslmode) {
    case 'require':
    case 'prefer':
      return 'require';
    case 'verify-ca':
    case 'verify-full':
      return 'verify-full';
    default:
      return 'disable';
  }
}
