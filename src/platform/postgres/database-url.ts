/** Where one PostgreSQL, or a pooler, listens. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** The parts of `postgres://role:password@host:port,host:port/database?parameter=…`. */
export interface DatabaseUrl {
  /** At least one. */
  readonly addresses: readonly HostAndPort[];
  readonly database: string;
  readonly role: string;
  readonly password: string;
  readonly parameters: URLSearchParams;
}

const SCHEMES: readonly string[] = ['postgres:', 'postgresql:'];
const DEFAULT_PORT = 5432;
/** What precedes the hosts, the hosts, and what follows. A password may contain an unencoded @. */
const PARTS = /^([a-z]+:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/is;

/**
 * Parses a URL as libpq writes it, with one or several hosts, which `URL` cannot parse.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
 *
 * @throws TypeError, whose message and properties do not contain the text: it may have a password
 */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const [, start = '', hosts = '', rest = ''] = PARTS.exec(text) ?? [];
  const urls = hosts.split(',').map((host) => parseUrl(`${start}${host}${rest}`));
  const [{ protocol, pathname, username, password, searchParams } = invalid()] = urls;
  if (!SCHEMES.includes(protocol)) invalid();
  return {
    addresses: urls.map(({ hostname, port }) => ({
      host: hostname === '' ? invalid() : hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? DEFAULT_PORT : Number(port),
    })),
    database: decode(pathname.slice(1)),
    role: decode(username),
    password: decode(password),
    parameters: searchParams,
  };
}

/** The URL of another database of the same server. @throws TypeError */
export function withDatabase(text: string, database: string): string {
  parseDatabaseUrl(text);
  return text.replace(PARTS, (_all, start: string, hosts: string, rest: string) => {
    return `${start}${hosts}/${encodeURIComponent(database)}${rest.replace(/^[^?#]*/, '')}`;
  });
}

/** `host:port`, with the brackets of an IPv6 address. */
export function addressText({ host, port }: HostAndPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseUrl(text: string): URL {
  return URL.canParse(text) ? new URL(text) : invalid();
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return invalid(); // the error of decoding contains the text
  }
}

function invalid(): never {
  throw new TypeError('not a URL such as postgres://role:password@host:5432/database');
}
