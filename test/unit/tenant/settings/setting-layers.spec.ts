import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { SettingSchema } from '../../../../src/database/table-migrations/tenant-schema/setting-schemas.js';
import {
  effectiveSetting,
  effectiveValue,
  type Layer,
  validated,
} from '../../../../src/tenant/settings/setting-layers.js';

const LINES = z.int().min(1).default(100);

const layers = (plan: object | undefined, tenant: object | undefined): readonly Layer[] => [
  { origin: 'plan', values: plan as Layer['values'] },
  { origin: 'tenant', values: tenant as Layer['values'] },
];

describe('the value of a setting', () => {
  it.each([
    ['the default, where there is nothing', undefined, undefined, 100, 'default'],
    ["the plan's, where the tenant has none", { lines: 5 }, {}, 5, 'plan'],
    ["the tenant's", { lines: 5 }, { lines: 7 }, 7, 'tenant'],
    ["the plan's, where the tenant's is not valid", { lines: 5 }, { lines: 'x' }, 5, 'plan'],
    ['the default, where none is valid', { lines: 0 }, { lines: null }, 100, 'default'],
    ['the default, where only the prototype has the key', Object.create({ lines: 5 }), undefined, 100, 'default'],
  ] as const)('is %s', (_title, plan, tenant, value, origin) => {
    expect(effectiveSetting('lines', LINES, layers(plan, tenant))).toMatchObject({ value, origin });
  });

  it('names what has no effect, without the value', () => {
    const { refused } = effectiveSetting('lines', LINES, layers({ lines: 0 }, { lines: 'secret-value' }));
    expect(refused.map(({ origin }) => origin)).toEqual(['tenant', 'plan']);
    expect(JSON.stringify(refused)).not.toContain('secret-value');
  });

  it('cannot be changed by the code that reads it', () => {
    const retention = z.object({ days: z.int() }).default({ days: 1 });
    const { value } = effectiveSetting('retention', retention, layers({ retention: { days: 3 } }, undefined));
    expect(value).toEqual({ days: 3 });
    expect(() => Object.assign(value as object, { days: 4 })).toThrow(TypeError);
  });
});

describe('a schema of any library of Standard Schema', () => {
  const standard = (validate: (value: unknown) => unknown): SettingSchema =>
    ({ '~standard': { version: 1, vendor: 'test', validate } }) as SettingSchema;

  it('decides, and may change the value', () => {
    expect(
      validated(
        standard((value) => ({ value: `${value as string}!` })),
        'a',
      ),
    ).toEqual({ value: 'a!' });
    expect(
      validated(
        standard(() => ({ issues: [{ message: 'no' }, { message: 'never' }] })),
        'a',
      ).reason,
    ).toBe('no; never');
  });

  it.each([
    ['answers later', async () => ({ value: 1 })],
    ['rejects later', () => Promise.reject(new Error('late'))],
    [
      'throws',
      () => {
        throw new Error('the value 4711 is wrong');
      },
    ],
  ])('that %s refuses the value', (_title, validate) => {
    const { reason } = validated(standard(validate), 'a');
    expect(reason).toMatch(/^has a schema that/);
    expect(reason).not.toContain('4711');
  });
});

it('a feature flag or limit is that of the last layer that has it, also when it is false', () => {
  const flags = [
    { origin: 'default', values: { reports: true } },
    { origin: 'plan', values: { reports: false } },
    { origin: 'tenant', values: undefined },
  ] as const;
  expect(effectiveValue<boolean>('reports', flags)).toEqual({ value: false, origin: 'plan', refused: [] });
  expect(effectiveValue<boolean>('toString', flags)).toBeUndefined();
});
