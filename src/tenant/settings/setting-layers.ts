import { deepFreeze } from '../../platform/deep-freeze.js';
import type { SettingSchema } from '../../database/table-migrations/tenant-schema/setting-schemas.js';

/** Where a value comes from: the code, a variable of the environment, the tenant's plan, or the tenant itself. */
export const ORIGINS = ['default', 'environment', 'plan', 'tenant'] as const;
type Origin = (typeof ORIGINS)[number];

/** Values from one origin, by key. */
export interface Layer<Value = unknown> {
  readonly origin: Origin;
  readonly values: Readonly<Record<string, Value>> | undefined;
}

/** A stored value that its schema refuses: the layer below it holds. */
interface RefusedValue {
  readonly origin: Origin;
  readonly reason: string;
}

/** The value that holds. */
export interface EffectiveValue<Value = unknown> {
  readonly value: Value;
  readonly origin: Origin;
  readonly refused: readonly RefusedValue[];
}

type Validated = { readonly value: unknown; readonly reason?: undefined } | { readonly reason: string };

/** What the schema makes of a value, which it must decide at once. */
export function validated(schema: SettingSchema, value: unknown): Validated {
  try {
    const result = schema['~standard'].validate(value);
    if (result instanceof Promise) {
      result.catch(() => undefined);
      return { reason: 'has a schema that answers later, which settings cannot wait for' };
    }
    if (result.issues === undefined) return { value: deepFreeze(result.value) };
    return { reason: result.issues.map(({ message }) => message).join('; ') || 'is not valid' };
  } catch {
    return { reason: 'has a schema that throws for this value' }; // its message may quote the value
  }
}

/** @param layers of which the last one wins that has a valid value */
export function effectiveSetting(key: string, schema: SettingSchema, layers: readonly Layer[]): EffectiveValue {
  const refused: RefusedValue[] = [];
  for (const { origin, values } of layers.toReversed()) {
    if (!values || !Object.hasOwn(values, key)) continue;
    const result = validated(schema, values[key]);
    if (result.reason === undefined) return { value: result.value, origin, refused };
    refused.push({ origin, reason: result.reason });
  }
  const result = validated(schema, undefined); // the start has checked it
  return { value: result.reason === undefined ? result.value : undefined, origin: 'default', refused };
}

/** @param layers of which the last one wins that has a value */
export function effectiveValue<Value>(key: string, layers: readonly Layer<Value>[]): EffectiveValue<Value> | undefined {
  const layer = layers.findLast(({ values }) => values?.[key] !== undefined && Object.hasOwn(values, key));
  return layer && { value: layer.values![key]!, origin: layer.origin, refused: [] };
}
