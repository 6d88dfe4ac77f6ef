import { SETTING_KEY } from '../../catalog/model/stored-settings.js';
import type {
  FeatureDefaults,
  SettingSchema,
  SettingSchemas,
} from '../../database/table-migrations/tenant-schema/setting-schemas.js';
import { validated } from './setting-layers.js';
import { InvalidSettingError } from './settings.errors.js';

/**
 * The settings of all modules. Each has a default, so that no tenant lacks a value whatever the catalog has.
 *
 * @throws InvalidSettingError
 */
export function checkedSettings(declared: readonly (SettingSchemas | undefined)[]): SettingSchemas {
  const all = merged<SettingSchema>(declared);
  for (const [key, schema] of Object.entries(all)) {
    if (typeof schema?.['~standard']?.validate !== 'function') {
      throw new InvalidSettingError(key, 'needs a schema, such as one of zod');
    }
    const { reason } = validated(schema, undefined);
    if (reason !== undefined) throw new InvalidSettingError(key, `needs a schema with a default: ${reason}`);
  }
  return all;
}

/** The feature flags of all modules. @throws InvalidSettingError */
export function checkedFeatureFlags(declared: readonly (FeatureDefaults | undefined)[]): FeatureDefaults {
  const all = merged<boolean>(declared);
  for (const [name, isEnabled] of Object.entries(all)) {
    if (typeof isEnabled !== 'boolean') throw new InvalidSettingError(name, 'must be true or false');
  }
  return all;
}

function merged<Value>(
  declared: readonly (Readonly<Record<string, Value>> | undefined)[],
): Readonly<Record<string, Value>> {
  const all = new Map<string, Value>();
  for (const [key, value] of declared.flatMap((one) => Object.entries(one ?? {}))) {
    if (!SETTING_KEY.test(key))
      throw new InvalidSettingError(key, 'must be letters, digits, _ and -, a letter first, 63 at most');
    if (all.has(key)) throw new InvalidSettingError(key, 'is declared by two modules');
    all.set(key, value);
  }
  return Object.fromEntries(all);
}
