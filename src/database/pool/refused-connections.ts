import type { ConnectionLimit } from '../connection/connection-limit.js';
import { type ConnectionTarget, type ServerAddress, targetName } from '../connection/connection-target.js';

/** The log line when a server has no connection left. */
export function describeFullServer({ host, port }: ServerAddress, open: number): string {
  return (
    `PostgreSQL at ${host}:${port} has no connection left (max_connections): this process makes do with ${open}, and ` +
    'callers wait for one of these. Lower DB_SERVER_MAX_CONNECTIONS, or raise max_connections'
  );
}

/** The log line when a target's role, database or pooler has no connection left. */
export function describeLimit(limit: ConnectionLimit, target: ConnectionTarget, open: number): string {
  return (
    `No connection left to ${targetName(target)}: ${nameOf(limit, target)} is reached. This process makes do with ` +
    `${open} of them, and callers wait for one of these`
  );
}

function nameOf(limit: ConnectionLimit, { role, database }: ConnectionTarget): string {
  switch (limit) {
    case 'role':
      return `the CONNECTION LIMIT of role "${role}" (ALTER ROLE)`;
    case 'database':
      return `the CONNECTION LIMIT of database "${database}" (ALTER DATABASE)`;
    case 'server':
      return 'max_connections of the server';
    case 'unknown':
      return 'a limit of the pooler, or of the server behind it,';
  }
}
