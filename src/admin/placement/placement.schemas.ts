import { z } from 'zod';

const MAX_LABELS = 16;
const KEY = /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const VALUE = /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/;

const key = z.string().regex(KEY, 'must be a-z, 0-9 and -, 1-32 characters, starting with a letter');
const value = z.string().regex(VALUE, 'must be letters, digits, ., _ and -, 1-63 characters');

/** Labels of servers, and those that a tenant wants of its server. */
const labels = z
  .record(key, value)
  .refine((all) => Object.keys(all).length <= MAX_LABELS, `must be at most ${MAX_LABELS} labels`);

export const serverLabels = labels.describe('what the server is, for tenants that ask for it: `{ "region": "eu" }`');

export const placementLabels = labels.describe(
  'labels that its server must have: one is chosen by its room. `{}`: any server. Also respected when the tenant is moved later',
);

export const maxTenants = z
  .int()
  .min(0)
  .max(10_000_000)
  .nullable()
  .describe('tenants that it has at most, spare ones not counted; null: no limit');

export const maxBytes = z
  .int()
  .min(0)
  .max(2 ** 50)
  .nullable()
  .describe('above it, by what its tenants have stored when last measured, it gets none; null: no limit');
