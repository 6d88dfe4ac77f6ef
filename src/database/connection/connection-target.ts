/** Where a server or a pooler listens, and how to talk to it. */
export interface NetworkAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: 'disable' | 'require' | 'verify-full';
}

/** One PostgreSQL server as a client sees it. */
export interface ServerAddress extends NetworkAddress {
  readonly id: string;
  /** The way around the pooler that the address leads to: PgBouncer in transaction mode keeps no sessions. */
  readonly aroundPooler?: NetworkAddress | undefined;
  /** One process's limit of connections to it, when it has one of its own. */
  readonly maxConnections?: number | undefined;
}

/**
 * Server + database + login role. One physical pool per target; many tenants may share one target.
 *
 * `version` rises whenever anything a connection is made of changes (address, password), so that pools of an older
 * version are drained instead of reused.
 */
export interface ConnectionTarget {
  readonly id: string;
  readonly version: string;
  /** Whether many tenants are served over it, or one. */
  readonly shared: boolean;
  readonly server: ServerAddress;
  readonly database: string;
  readonly role: string;
  readonly password: string;
}

/** The same target for what needs a session: around the pooler, where there is one. */
export function sessionTarget(target: ConnectionTarget): ConnectionTarget {
  const { aroundPooler, ...server } = target.server;
  if (!aroundPooler) return target;
  // Only its address is another one: by its id both ways to the server share one limit of connections.
  const { host, port, tls } = aroundPooler;
  return { ...target, id: sessionTargetId(target.id), server: { ...server, host, port, tls } };
}

const AROUND = ' around the pooler';

export function sessionTargetId(targetId: string): string {
  return targetId + AROUND;
}

/** Whichever way leads to it. */
export function targetIdOf(id: string): string {
  return id.endsWith(AROUND) ? id.slice(0, -AROUND.length) : id;
}

/** Whether connections to one are as good as connections to the other: a password sealed anew raises the version, too. */
export function sameConnections(a: ConnectionTarget, b: ConnectionTarget): boolean {
  const way = ({ server, shared, database, role, password }: ConnectionTarget): string =>
    JSON.stringify([
      addressOf(server),
      server.aroundPooler && addressOf(server.aroundPooler),
      shared,
      database,
      role,
      password,
    ]);
  return way(a) === way(b);
}

function addressOf({ host, port, tls }: NetworkAddress): readonly unknown[] {
  return [host, port, tls];
}
/** For people and logs; carries no secret. */
export function targetName(target: ConnectionTarget): string {
  return `${target.role}@${target.server.host}:${target.server.port}/${target.database}`;
}
