import { InvalidArgumentError } from 'commander';
import { type HostAndPort, parseDatabaseUrl } from '../../platform/postgres/database-url.js';

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Commander argument parser for a whole number >= 0, up to nine digits. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

/** Commander argument parser for a duration such as `7d`, `12h`, `30m`, `3600s`, or seconds without a unit. @returns seconds */
export function seconds(text: string): number {
  const [, amount, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('must be a duration such as 7d, 12h, 30m, 3600s or 0.');
  return Number(amount) * SECONDS[unit as keyof typeof SECONDS];
}

/** Commander argument parser for `host:port,host:port`, as the hosts of a database's URL are written. */
export function addresses(text: string): readonly HostAndPort[] {
  if (text === '') return [];
  try {
    if (/[@/?#]/.test(text)) throw new TypeError('more than addresses');
    return parseDatabaseUrl(`postgres://${text}/none`).addresses;
  } catch {
    throw new InvalidArgumentError('must be addresses such as pg-b.internal:5432,pg-c.internal:5432.');
  }
}

const BYTES = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;

/** Commander argument parser for a number of bytes such as `500GB`, `2TB`, or bytes without a unit. */
export function bytes(text: string): number {
  const [, amount, unit] = /^(\d{1,15})(KB|MB|GB|TB)?$/.exec(text) ?? [];
  const count = Number(amount) * (unit === undefined ? 1 : BYTES[unit as keyof typeof BYTES]);
  if (!Number.isSafeInteger(count))
    throw new InvalidArgumentError('must be a number of bytes such as 500GB, 2TB or 1000000.');
  return count;
}

/** Commander argument parser that collects the values of a repeatable option. */
export function repeated(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
