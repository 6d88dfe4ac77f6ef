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
  return { ...target, id: `${target.id} around the pooler`, server: { ...server, host, port, tls } };
}
