import { isPlainObject } from '../../platform/is-plain-object.js';

/** Settings as they are stored, by key: JSON values that the application's schemas have not seen. */
export type StoredSettings = Readonly<Record<string, unknown>>;

/** Feature flags as they are stored, by name. */
export type StoredFeatures = Readonly<Record<string, boolean>>;

/** The form of a setting's key and of a feature flag's name. */
export const SETTING_KEY = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/;

/** Bytes of all settings of a tenant or of a plan as JSON. The catalog refuses twice as many. */
export const MAX_SETTINGS_BYTES = 32_768;

const MAX_DEPTH = 16;
const MAX_PARTS = 5_000;

/**
 * Why a JSON value cannot be a setting; undefined when it can. It is walked without recursion: what is written by hand may be
 * as deep as it is long. PostgreSQL writes out all digits of a number: 1e300 would be 301 bytes.
 */
export function unstorableBecause(value: unknown): string | undefined {
  const left: { readonly part: unknown; readonly depth: number }[] = [{ part: value, depth: 0 }];
  let parts = 0;
  for (let next = left.pop(); next; next = left.pop()) {
    const { part, depth } = next;
    if (++parts > MAX_PARTS) return `must have at most ${MAX_PARTS} parts`;
    if (typeof part === 'string' && !isStorable(part)) return 'must be Unicode text without the NUL character';
    if (typeof part === 'number' && /e/i.test(String(part))) return 'must have numbers with at most 21 digits';
    if (typeof part !== 'object' || part === null) continue;
    if (depth === MAX_DEPTH) return `must be at most ${MAX_DEPTH} levels deep`;
    for (const key of Object.keys(part)) {
      if (key === '__proto__') return 'must not have a key __proto__';
      if (!isStorable(key)) return 'must have keys of Unicode text without the NUL character';
      left.push({ part: (part as Record<string, unknown>)[key], depth: depth + 1 });
      if (left.length > MAX_PARTS) return `must have at most ${MAX_PARTS} parts`;
    }
  }
  return undefined;
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}

/** The column may be written by hand: keys and values that cannot be settings count as absent. */
export function storedSettings(value: unknown): StoredSettings {
  return entriesOf(value, (part): part is unknown => unstorableBecause(part) === undefined);
}

/** The column may be written by hand: what is no feature flag counts as absent. */
export function storedFeatures(value: unknown): StoredFeatures {
  return entriesOf(value, (part) => typeof part === 'boolean');
}

function entriesOf<T>(value: unknown, isValid: (part: unknown) => part is T): Readonly<Record<string, T>> {
  if (typeof value !== 'object' || value === null || !isPlainObject(value)) return {};
  const valid = Object.entries(value).flatMap(([key, part]) =>
    SETTING_KEY.test(key) && isValid(part) ? [[key, part] as const] : [],
  );
  return Object.fromEntries(valid);
}
