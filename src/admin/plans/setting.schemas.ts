import { z } from 'zod';
import { PLAN_NAME } from '../../catalog/model/plan.js';
import { SETTING_KEY } from '../../catalog/model/stored-settings.js';

/** Entries of one request, settings or feature flags. */
const MAX_ENTRIES = 200;

export const planName = z.string().regex(PLAN_NAME, 'must be a-z, 0-9 and -, 1-63 characters, starting with a letter');

/** Values by key. That a key is declared, and its value valid, the schemas of the application decide. */
export const settings = record(z.unknown());
export const features = record(z.boolean());

export const settingChanges = settings.describe('each given key replaces the stored value; null removes it');
export const featureChanges = record(z.boolean().nullable()).describe('each given name replaces; null removes');

/** Of a stored document. */
export type Changes<Value> = Readonly<Record<string, Value | null>>;

/** The document with the changes: a null removes its key. Keys that were written by hand and can be none go as well. */
export function changed<Value>(
  document: Readonly<Record<string, Value>>,
  changes: Changes<Value> | undefined,
): Readonly<Record<string, Value>> {
  const all = Object.entries({ ...document, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, Value] => isKept(...entry)));
}

function isKept(key: string, value: unknown): boolean {
  return value !== null && value !== undefined && SETTING_KEY.test(key);
}

function record<Value extends z.ZodType>(value: Value) {
  return z
    .record(z.string().max(63), value)
    .refine((entries) => Object.keys(entries).length <= MAX_ENTRIES, `must have at most ${MAX_ENTRIES} entries`);
}
