import { describe, expect, it } from '@jest/globals';
import { LIMIT_NAMES } from '../../../../src/catalog/model/limits.js';
import { UsageError } from '../../../../src/cli/terminal/cli.errors.js';
import { parseTenantFile } from '../../../../src/cli/terminal/tenant-file.js';

describe('a file of new tenants', () => {
  it('may be CSV with any of its columns, in any order, without what is empty', () => {
    const content = [
      '\uFEFFisolation,slug,domains,maxConcurrentStatements',
      'row,acme,,',
      'schema,"hooli",shop.hooli.com www.hooli.com,5',
      '',
    ].join('\r\n');
    expect(parseTenantFile(content)).toEqual([
      { slug: 'acme', isolation: 'row' },
      {
        slug: 'hooli',
        isolation: 'schema',
        domains: ['shop.hooli.com', 'www.hooli.com'],
        limits: { maxConcurrentStatements: 5 },
      },
    ]);
  });

  it('may have a column for each limit', () => {
    const values = LIMIT_NAMES.map((_name, index) => index + 1);
    const content = `slug,${LIMIT_NAMES.join(',')}\nacme,${values.join(',')}\nhooli,${LIMIT_NAMES.map(() => '').join(',')}`;
    expect(parseTenantFile(content)).toEqual([
      { slug: 'acme', limits: Object.fromEntries(LIMIT_NAMES.map((name, index) => [name, index + 1])) },
      { slug: 'hooli' },
    ]);
  });

  it('may ask for labels, or any server', () => {
    const content = 'slug,placement\nacme,region=eu tier=gold\nhooli,any\ninitech,';
    expect(parseTenantFile(content)).toEqual([
      { slug: 'acme', placement: { region: 'eu', tier: 'gold' } },
      { slug: 'hooli', placement: {} },
      { slug: 'initech' },
    ]);
    for (const text of ['region', 'region=eu=us', 'region=eu tier']) {
      expect(() => parseTenantFile(`slug,placement\nacme,${text}`)).toThrow(UsageError);
    }
  });

  it('may be JSON', () => {
    expect(parseTenantFile(' [{"slug": "acme", "isolation": "row"}]\n')).toEqual([{ slug: 'acme', isolation: 'row' }]);
  });

  it.each([
    ['an unknown column', 'slug,isolaton\nacme,row'],
    ['too few fields', 'slug,isolation\nacme'],
    ['a field with a comma', 'slug,isolation\n"ac,me",row'],
    ['broken JSON', '[{"slug": "acme"'],
  ])('is refused with %s', (_what, content) => {
    expect(() => parseTenantFile(content)).toThrow(UsageError);
  });
});
