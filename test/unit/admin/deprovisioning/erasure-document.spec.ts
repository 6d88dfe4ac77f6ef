import { describe, expect, it } from '@jest/globals';
import { erasureDocument } from '../../../../src/admin/deprovisioning/erasure-document.js';
import type { ErasureReport } from '../../../../src/admin/deprovisioning/erasure.schemas.js';

const at = '2026-11-28T01:00:00.000Z';

const REPORT: ErasureReport = {
  operationId: '7f1f3f2e-8f9c-4a4e-9a51-0c1f7d3c2b10',
  tenantId: '6e5b2866-d0ef-4c88-8ad2-3fb095ca5617',
  pseudonym: 'deleted-6e5b2866',
  requestedAt: at,
  startedAt: at,
  finishedAt: at,
  cache: { redis: 'cleared', at },
  data: {
    ...{ removed: 'database', server: 'eu-2', database: 'catalog_6e5b2866', schema: 'tenant', at },
    tables: [
      { table: 'orders', rows: 5_000_000, isEstimated: true },
      { table: 'notes', rows: 7, isEstimated: false },
    ],
  },
  login: { role: 'catalog_6e5b2866', at },
  records: { domains: 2, apiKeys: 3, storedAnswers: 0, cronFailures: 0, at },
  remains: [{ what: 'a backup', where: 's3://backups', until: '2026-12-28' }],
  hooks: [{ event: 'deleted', hook: 'Files', finishedAt: at }],
};

describe('the document of an erasure', () => {
  it('says what was removed where, what is an estimate, and what remains until when', () => {
    const text = erasureDocument(REPORT).join('\n');
    expect(text).toContain(
      `- ${at}: about 5000007 rows of 2 tables with database catalog_6e5b2866 on server eu-2, which was dropped`,
    );
    expect(text).toContain('| orders | about 5000000 |\n| notes | 7 |');
    expect(text).toContain(`- ${at}: login role catalog_6e5b2866`);
    expect(text).toContain('cached values in the memory of all instances and in Redis');
    expect(text).toContain(`- ${at}: what the application's hook Files (deleted) removes`);
    expect(text).toContain('- a backup (s3://backups), until 2026-12-28');
  });

  it('names the tenant by its pseudonym, or by the slug that the caller still knows', () => {
    expect(erasureDocument(REPORT)[0]).toBe('# Erasure of deleted-6e5b2866');
    const [title, , tenant] = erasureDocument(REPORT, 'hooli');
    expect(title).toBe('# Erasure of hooli');
    expect(tenant).toBe(`- Tenant: ${REPORT.tenantId}; its records have the name deleted-6e5b2866`);
  });

  it('of a tenant that never had a place says that there was nothing', () => {
    const data = { removed: 'nothing', server: null, database: null, schema: null, tables: [], at } as const;
    const text = erasureDocument({ ...REPORT, data: { ...data, tables: [] } }).join('\n');
    expect(text).toContain('no data: the tenant never had a place');
    expect(text).not.toContain('null');
  });
});
