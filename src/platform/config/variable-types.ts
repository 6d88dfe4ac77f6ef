import { type DatabaseUrl, parseDatabaseUrl } from '../postgres/database-url.js';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Cron } from 'croner';
import { z } from 'zod';

// Types of environment variables. Errors state only what was expected and never repeat the value, which may be a
// secret.

/** Two weeks: Node's timers are limited to 24.8 days, and jitter is added to a connection's maximum age. */
const MAX_LIFETIME_SECONDS = 1_209_600;
const MAX_TIMEOUT_SECONDS = 86_400;
const MAX_INTEGER = 2_147_483_647;
const AES_256_KEY_BYTES = 32;
const HMAC_SECRET_BYTES = 32;

export function integer(min: number, max = MAX_INTEGER) {
  const expected = max === MAX_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,10}$/, expected)
    .transform(Number)
    .pipe(z.number().min(min, expected).max(max, expected));
}

/** A maximum age in seconds; 0 for unlimited. */
export const lifetime = integer(0, MAX_LIFETIME_SECONDS);

/** Parses seconds into milliseconds. */
export const timeout = parsed(
  `seconds from 0.001 to ${MAX_TIMEOUT_SECONDS}, for example 30 or 2.5`,
  (text): number | undefined => {
    const seconds = /^\d{1,6}(?:\.\d{1,6})?$/.test(text) ? Number(text) : 0;
    return seconds >= 0.001 && seconds <= MAX_TIMEOUT_SECONDS ? Math.round(seconds * 1000) : undefined;
  },
);

export const flag = z.stringbool({
  truthy: ['true', '1', 'yes', 'on'],
  falsy: ['false', '0', 'no', 'off'],
  error: 'true or false (or 1, yes, on, 0, no, off)',
});

export function oneOf<const Values extends readonly string[]>(...values: Values) {
  return z.enum(values, values.length === 1 ? values[0] : `one of ${values.join(', ')}`);
}

export function text(expected: string, pattern: RegExp) {
  return z.string().regex(pattern, expected);
}

export const host = text('a host name or an IP address', /^[\w.:%-]{1,253}$/);

/** Labels of RFC 1035 §2.3.1, in lower case. */
export const domain = text(
  'a domain such as example.com',
  /^(?=.{1,253}$)[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63})*$/i,
).toLowerCase();

/** Schemas that hold tenants' tables, or that PostgreSQL reserves, are refused: the catalog must not be among them. */
const OWN_SCHEMA = /^(?!pg_|t_|(?:shared|tenant|tenantry_isolation|information_schema)$)[a-z_][a-z\d_]{0,62}$/;
export const catalogSchema = text(
  'the name of a schema for the catalog alone: lower-case letters, digits and _, not shared, tenant or t_…',
  OWN_SCHEMA,
);
/** By the same rule. That it is not the catalog's is checked at start: where that is, the database tells. */
export const centralSchema = text(
  'the name of a schema for central tables alone: lower-case letters, digits and _, not shared, tenant or t_…',
  OWN_SCHEMA,
);

export const hostList = parsed('one or more host:port, comma-separated', (list) => {
  const nodes = list.split(',').flatMap((entry) => hostAndPort(entry.trim()) ?? []);
  return nodes.length === list.split(',').length ? nodes : undefined;
});

/** Tenants to keep provisioned ahead. */
export interface SpareTenantCount {
  readonly isolation: 'schema' | 'database';
  /** Name of the server. */
  readonly server: string;
  readonly count: number;
}

const MAX_SPARE_TENANTS = 1_000;

export const spareTenants = parsed(
  `isolation:count or isolation@server:count, comma-separated, for example schema:5,database@eu-2:2; each once, counts up to ${MAX_SPARE_TENANTS}`,
  (list) => {
    const entries = list.split(',').map((entry) => spareTenantCount(entry.trim()));
    const known = entries.filter((entry) => entry !== undefined);
    const places = new Set(known.map(({ isolation, server }) => `${isolation}@${server}`));
    return known.length === entries.length && places.size === entries.length ? known : undefined;
  },
);

function spareTenantCount(entry: string): SpareTenantCount | undefined {
  const pattern = /^(schema|database)(?:@([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?))?:(\d{1,4})$/;
  const [, isolation, server = 'default', count] = pattern.exec(entry) ?? [];
  if (isolation === undefined || Number(count) > MAX_SPARE_TENANTS) return undefined;
  return { isolation: isolation as SpareTenantCount['isolation'], server, count: Number(count) };
}

const MAX_FEATURES = 200;

/** Name of a feature flag -> whether it is on. */
export const tenantFeatures = parsed(
  `name=true or name=false, comma-separated, each once, at most ${MAX_FEATURES}`,
  (list): Readonly<Record<string, boolean>> | undefined => {
    const entries = list.split(',').map((entry) => /^([a-zA-Z][\w-]{0,62})=(true|false)$/.exec(entry.trim()));
    const flags = new Map(entries.flatMap((entry) => (entry ? [[entry[1]!, entry[2] === 'true'] as const] : [])));
    return flags.size === entries.length && flags.size <= MAX_FEATURES ? Object.fromEntries(flags) : undefined;
  },
);

/** Where archives are kept. */
export type BackupPlace =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };

/** Credentials are the AWS SDK's to read: a URL is printed in logs and lists of processes. */
export const backupUrl = parsed(
  'file:///folder, an absolute path, or s3://bucket/prefix, without user, password, query or fragment',
  (address) => backupFolder(address) ?? backupBucket(address),
);

function backupFolder(address: string): BackupPlace | undefined {
  if (!/^file:\/\/\/[^/\s?#][^\s?#\\]*$/.test(address) || /%(?:00|2f|5c)|%(?![\da-f]{2})/i.test(address))
    return undefined;
  const path = fileURLToPath(address).replace(/\/+$/, '');
  return path === '' ? undefined : { kind: 'folder', path };
}

/** Bucket names as S3 has them; prefixes of segments that need no encoding, neither `.` nor `..`. */
function backupBucket(address: string): BackupPlace | undefined {
  const pattern = /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])((?:\/[A-Za-z\d_][\w.-]{0,127}){0,8})\/?$/;
  const [, bucket, prefix = ''] = pattern.exec(address) ?? [];
  return bucket === undefined ? undefined : { kind: 's3', bucket, prefix: prefix.slice(1) };
}

/** By the rules of `@TenantCron`. A date, which croner takes, too, would be one time only. */
export const cronExpression = parsed('a cron expression of five or six fields, for example 0 3 * * *', (expression) => {
  try {
    const cron = new Cron(expression, { timezone: 'UTC', mode: '5-or-6-parts' });
    return cron.getPattern() !== undefined && cron.nextRun() !== null ? expression : undefined;
  } catch {
    return undefined; // croner throws for what it cannot read
  }
});

export const addressList = parsed('one or more addresses or CIDR ranges, comma-separated', (list) => {
  const ranges = list.split(',').map((entry) => entry.trim());
  return ranges.every(isAddressRange) ? ranges : undefined;
});

function isAddressRange(range: string): boolean {
  const [address, prefix, ...rest] = range.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address ?? '')] ?? -1;
  if (bits < 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

function hostAndPort(entry: string): { host: string; port: number } | undefined {
  const [, name, port] = /^([\w.-]{1,253}):(\d{1,5})$/.exec(entry) ?? [];
  if (name === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host: name, port: Number(port) };
}

/** Of libpq's `target_session_attrs`: a connection is only opened to a server that accepts writes. */
const SESSION_ATTRIBUTES = ['read-write', 'primary'];

export const postgresUrl = z
  .string()
  .refine(
    (text) => (databaseUrl(text)?.database ?? '') !== '',
    'postgres://user:password@host:5432/database, or several hosts: …@host1:5432,host2:5432/database',
  )
  .refine((text) => {
    const wanted = databaseUrl(text)?.parameters.get('target_session_attrs') ?? 'read-write';
    return SESSION_ATTRIBUTES.includes(wanted);
  }, 'target_session_attrs to be read-write or primary: tenants are served by a server that accepts writes');

/** @returns undefined when it is not one, or has whitespace, which some clients trim and others do not */
function databaseUrl(text: string): DatabaseUrl | undefined {
  try {
    return /\s/.test(text) ? undefined : parseDatabaseUrl(text);
  } catch {
    return undefined;
  }
}

export const redisUrl = url('redis://host:6379/0 or rediss://…', ({ protocol, hostname, pathname }) => {
  return ['redis:', 'rediss:'].includes(protocol) && hostname !== '' && /^\/?\d*$/.test(pathname);
});

export const webUrl = url('an https:// or http:// URL', ({ protocol }) => ['https:', 'http:'].includes(protocol));

/** Characters that an `Authorization: Bearer` header can carry. */
export const apiKey = text('at least 16 characters without whitespace', /^[\x21-\x7e]{16,}$/);

export const hmacSecret = z
  .string()
  .refine((secret) => Buffer.byteLength(secret) >= HMAC_SECRET_BYTES, `at least ${HMAC_SECRET_BYTES} bytes`);

export const keyRing = parsed(
  `one or more id:base64, comma-separated, with distinct ids and keys of ${AES_256_KEY_BYTES} bytes`,
  (ring) => {
    const keys = ring.split(',').flatMap((entry) => encryptionKey(entry) ?? []);
    const complete = keys.length === ring.split(',').length;
    return complete && new Set(keys.map(({ id }) => id)).size === keys.length ? keys : undefined;
  },
);

function encryptionKey(entry: string): { id: string; key: Buffer } | undefined {
  const [, id, base64] = /^([\w-]{1,32}):([A-Za-z0-9+/]+=?)$/.exec(entry) ?? [];
  if (id === undefined || base64 === undefined) return undefined;
  const key = Buffer.from(base64, 'base64');
  return key.length === AES_256_KEY_BYTES ? { id, key } : undefined;
}

function url(expected: string, accepts: (address: URL) => boolean) {
  return z.string().refine((address) => isAddress(address) && isAccepted(new URL(address), accepts), expected);
}

/** `URL` silently trims whitespace; the database and Redis clients that receive the text later do not. */
function isAddress(address: string): boolean {
  return !/\s/.test(address) && URL.canParse(address);
}

/** Clients decode user and password when connecting; a stray "%" would fail there with an error that quotes them. */
function isAccepted(address: URL, accepts: (address: URL) => boolean): boolean {
  try {
    decodeURIComponent(`${address.username}:${address.password}`);
    return accepts(address);
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}

/** A variable that `parse` reads; undefined: its text is not what is expected. */
export function parsed<T>(expected: string, parse: (text: string) => T | undefined) {
  return z.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: expected, input: undefined });
    return z.NEVER;
  });
}
