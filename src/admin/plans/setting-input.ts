import { Inject, Injectable } from '@nestjs/common';
import { MAX_SETTINGS_BYTES, SETTING_KEY, unstorableBecause } from '../../catalog/model/stored-settings.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { type FieldProblem, ValidationFailedError } from '../../platform/errors/request.errors.js';
import { validated } from '../../tenant/settings/setting-layers.js';
import type { Changes } from './setting.schemas.js';

interface SettingChanges {
  readonly settings?: Changes<unknown> | undefined;
  readonly features?: Changes<boolean> | undefined;
}

/** Checks settings and feature flags of a request against what the application declares. */
@Injectable()
export class SettingInput {
  constructor(@Inject(TENANT_SCHEMA) private readonly schema: Pick<TenantSchema, 'settings' | 'featureFlags'>) {}

  /**
   * A key that nothing declares can be removed, by null, and not set.
   *
   * @param isNew whether there is nothing to remove from: then null is a value
   * @throws ValidationFailedError
   */
  assertValid({ settings = {}, features = {} }: SettingChanges, isNew = false): void {
    const declared = this.schema.settings ?? {};
    const flags = this.schema.featureFlags ?? {};
    const problems: FieldProblem[] = [];
    const check = (field: string, key: string, value: unknown, problem: () => string | undefined): void => {
      const isRemoval = value === null && !isNew && SETTING_KEY.test(key);
      const message = isRemoval ? undefined : problem();
      if (message !== undefined) problems.push({ field: `${field}.${key}`, message });
    };
    for (const [key, value] of Object.entries(settings)) {
      check('settings', key, value, () => {
        if (!Object.hasOwn(declared, key)) return 'is not a setting of this application';
        return unstorableBecause(value) ?? validated(declared[key]!, value).reason;
      });
    }
    for (const [name, value] of Object.entries(features)) {
      check('features', name, value, () =>
        Object.hasOwn(flags, name) ? undefined : 'is not a feature flag of this application',
      );
    }
    if (problems.length > 0) throw new ValidationFailedError(problems);
  }

  /** @param settings all of the tenant or plan, with the change. @throws ValidationFailedError */
  assertSize(settings: Readonly<Record<string, unknown>>): void {
    const bytes = Buffer.byteLength(JSON.stringify(settings));
    if (bytes <= MAX_SETTINGS_BYTES) return;
    const message = `must be at most ${MAX_SETTINGS_BYTES} bytes of JSON in total`;
    throw new ValidationFailedError([{ field: 'settings', message }]);
  }
}
