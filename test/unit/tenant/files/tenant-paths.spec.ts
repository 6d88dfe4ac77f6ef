import { describe, expect, it } from '@jest/globals';
import type { TenantContext } from '../../../../src/tenant/context/tenant-context.js';
import { TenantPaths } from '../../../../src/tenant/files/tenant-paths.js';

const ID = '0199b2f0-0000-7000-8000-000000000001';
const paths = new TenantPaths({ current: () => ({ tenant: { id: ID } }) } as unknown as TenantContext);

describe("a tenant's paths", () => {
  it("begin with the tenant's prefix", () => {
    expect(paths.path('invoices', '2026/7.pdf')).toBe(`tenants/${ID}/invoices/2026/7.pdf`);
    expect(paths.path('Ordner ü', '..a', 'b...')).toBe(`tenants/${ID}/Ordner ü/..a/b...`);
    expect(paths.prefix('other')).toBe('tenants/other/');
  });

  it.each([
    ['', '.', '..', '../x', 'a/../../b', 'a/..', '/etc/passwd', 'a//b', 'a/', 'a\\..\\b', 'a\0', 'a\nb', '\u007F'],
    ['x'.repeat(1_024), 'ü'.repeat(500)],
  ])('do not lead anywhere else', (...names) => {
    for (const name of names) {
      expect(() => paths.path(name)).toThrow(expect.objectContaining({ code: 'INVALID_PATH' }));
      expect(() => paths.path('a', name)).toThrow(expect.objectContaining({ code: 'INVALID_PATH' }));
    }
  });

  it('give their names back', () => {
    expect(paths.name(paths.path('invoices', '7.pdf'))).toBe('invoices/7.pdf');
  });

  it.each([
    [`tenants/0199b2f0-0000-7000-8000-000000000002/a`, 'WRONG_TENANT_PATH'],
    [`tenants/${ID}`, 'WRONG_TENANT_PATH'],
    [`/tenants/${ID}/a`, 'WRONG_TENANT_PATH'],
    [`tenants/${ID}/../other/a`, 'INVALID_PATH'],
    [`tenants/${ID}/`, 'INVALID_PATH'],
  ])("%s is none of the tenant's", (path, code) => {
    expect(() => paths.name(path)).toThrow(expect.objectContaining({ code }));
  });
});
