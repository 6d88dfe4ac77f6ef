import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { SettingSchema } from '../../../../src/database/table-migrations/tenant-schema/setting-schemas.js';
import { schemaOf } from '../../../../src/tenantry/features.js';
import { Features } from '../../../../src/tenant/settings/features.js';
import type { FeatureName } from '../../../../src/tenant/settings/tenant-settings.js';

const text = z.string().default('a');

describe('settings of several modules', () => {
  it('are one set', () => {
    const { settings, featureFlags } = schemaOf([
      { settings: { currency: text }, featureFlags: { reports: true } },
      { settings: { language: text }, featureFlags: { exports: false } },
      {},
    ]);
    expect(Object.keys(settings ?? {})).toEqual(['currency', 'language']);
    expect(featureFlags).toEqual({ reports: true, exports: false });
  });

  it.each([
    ['is declared by two modules', [{ settings: { currency: text } }, { settings: { currency: text } }]],
    ['is declared by two modules', [{ featureFlags: { reports: true } }, { featureFlags: { reports: true } }]],
    ['needs a schema with a default', [{ settings: { currency: z.string() } }]],
    ['needs a schema, such as one of zod', [{ settings: { currency: 'EUR' as unknown as SettingSchema } }]],
    [
      'schema that answers later',
      [
        {
          settings: {
            currency: z
              .string()
              .default('a')
              .refine(async () => true),
          },
        },
      ],
    ],
    ['must be letters', [{ settings: { 'a.b': text } }]],
    ['must be letters', [{ settings: JSON.parse('{"__proto__": 1}') as Record<string, SettingSchema> }]],
    ['must be true or false', [{ featureFlags: { reports: 'yes' as unknown as boolean } }]],
  ])('are refused at the start: %s', (message, features) => {
    expect(() => schemaOf(features)).toThrow(message);
    expect(() => schemaOf(features)).toThrow(expect.objectContaining({ code: 'INVALID_SETTING' }));
  });
});

it('a feature flag that nothing declares is an error, not off', () => {
  const features = new Features([
    ['reports', true],
    ['exports', false],
  ]);
  const isEnabled = (name: string): boolean => features.isEnabled(name as FeatureName);
  expect([isEnabled('reports'), isEnabled('exports'), features.enabled]).toEqual([true, false, ['reports']]);
  for (const name of ['report', 'toString', '__proto__']) {
    expect(() => isEnabled(name)).toThrow(expect.objectContaining({ code: 'UNKNOWN_FEATURE' }));
  }
});
