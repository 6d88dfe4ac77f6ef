import { addressText, type HostAndPort, parseDatabaseUrl } from '../../platform/postgres/database-url.js';
import type { StampKey } from '../isolation/stamp-key.js';

/** Where a server or a pooler listens, and whether the connection uses TLS. */
interface NetworkAddress extends HostAndPort {
  /** Of its standbys, each of which may become the primary; absent where there are none. All use the same TLS mode. */
  readonly furtherAddresses?: readonly HostAndPort[] | undefined;
  readonly tls: 'disable' | 'require' | 'verify-full';
}

/** One PostgreSQL server as a client sees it. */
export interface ServerAddress extends NetworkAddress {
  readonly id: string;
  /**
   * The server's direct address, when the address above is a pooler's: PgBouncer in transaction mode does not preserve
   * sessions.
   */
  readonly aroundPooler?: NetworkAddress | undefined;
  /** Its read replicas, whose TLS, roles and databases are its own; with a pooler, the addresses of the poolers in front of them. */
  readonly replicas?: readonly HostAndPort[] | undefined;
}

/**
 * Server + database + login role. One physical pool per target; many tenants may share one target.
 *
 * `version` rises whenever an address or a credential changes, so that pools of an older version are drained instead of
 * reused.
 */
export interface ConnectionTarget {
  readonly id: string;
  readonly version: string;
  /** Whether several tenants share the target. */
  readonly shared: boolean;
  readonly server: ServerAddress;
  readonly database: string;
  readonly role: string;
  readonly password: string;
  /** The startup parameter `options` that the URL of the target has, such as `-c work_mem=8MB`. */
  readonly options?: string | undefined;
  /** With which stamps for the database are signed; absent until the database has it. */
  readonly stampKey?: StampKey | undefined;
  /** Whether the address is a read replica's: it may refuse writes. */
  readonly isReplica?: boolean | undefined;
}

/** The target for work that needs a session: it bypasses the pooler, if there is one. */
export function sessionTarget(target: ConnectionTarget): ConnectionTarget {
  const { aroundPooler, furtherAddresses: _ofPooler, ...server } = target.server;
  if (!aroundPooler) return target;
  // Only the address differs: the server id stays, so that both routes share one connection limit.
  return { ...target, id: sessionTargetId(target.id), server: { ...server, ...networkAddressOf(aroundPooler) } };
}

const SESSION_SUFFIX = ' around the pooler';

export function sessionTargetId(targetId: string): string {
  return targetId + SESSION_SUFFIX;
}

const REPLICA_INFIX = ' at the replica ';

export function hasReplicas({ server }: ConnectionTarget): boolean {
  return server.replicas !== undefined && server.replicas.length > 0;
}

/** The same database and login role at one of the server's replicas, whose connections have a limit of their own. */
export function replicaTarget(target: ConnectionTarget, { host, port }: HostAndPort): ConnectionTarget {
  const { id, tls, aroundPooler } = target.server;
  const address = { host, port, tls };
  const suffix = `${REPLICA_INFIX}${host}:${port}`;
  const server = { id: id + suffix, ...address, aroundPooler: aroundPooler && address };
  return { ...target, id: target.id + suffix, server, isReplica: true };
}

/** The id of the target itself, for its own id, that of its session target, and those of its targets at replicas. */
export function baseTargetId(id: string): string {
  const replica = id.lastIndexOf(REPLICA_INFIX);
  if (replica >= 0) return id.slice(0, replica);
  return id.endsWith(SESSION_SUFFIX) ? id.slice(0, -SESSION_SUFFIX.length) : id;
}

/**
 * Whether the connections of one target can serve the other. The version does not decide: re-encrypting a password raises
 * it too, and a catalog that has lost changes gives the same one twice.
 */
export function sameConnections(a: ConnectionTarget, b: ConnectionTarget): boolean {
  const connectionKey = ({ server, shared, database, role, password }: ConnectionTarget): string =>
    JSON.stringify([
      networkAddressOf(server),
      server.aroundPooler && networkAddressOf(server.aroundPooler),
      shared,
      database,
      role,
      password,
    ]);
  return connectionKey(a) === connectionKey(b);
}

/** The address alone, of a server that may have more to it. */
export function networkAddressOf({ host, port, tls, furtherAddresses = [] }: NetworkAddress): NetworkAddress {
  return { host, port, tls, ...(furtherAddresses.length > 0 && { furtherAddresses }) };
}

/** All addresses of a server, the first one first. */
export function addressesOf({ host, port, furtherAddresses = [] }: NetworkAddress): readonly HostAndPort[] {
  return [{ host, port }, ...furtherAddresses];
}

/** Readable name for logs and messages; contains no secret. */
export function targetName({ role, server, database }: ConnectionTarget): string {
  return `${role}@${addressesOf(server).map(addressText).join()}/${database}`;
}

/**
 * Parses `postgres://role:password@host:port/database?sslmode=…` into a target; the hosts may be several. libpq's TLS modes
 * (https://www.postgresql.org/docs/current/libpq-ssl.html) that encrypt without verifying the certificate become
 * `require`, those that verify it become `verify-full`, all others `disable`.
 *
 * @throws TypeError when `text` is not such a URL
 */
export function targetOfUrl(text: string, serverId: string): ConnectionTarget {
  const { addresses, database, role, password, parameters } = parseDatabaseUrl(text);
  const [first, ...furtherAddresses] = addresses as [HostAndPort, ...HostAndPort[]];
  const tls = tlsOf(parameters.get('sslmode'));
  const server: ServerAddress = { id: serverId, ...networkAddressOf({ ...first, tls, furtherAddresses }) };
  return Object.freeze({
    id: serverId,
    version: '1',
    shared: false,
    server: Object.freeze(server),
    database,
    role,
    password,
    options: parameters.get('options') ?? undefined,
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
