import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newStampKey } from '../../../../../src/database/isolation/stamp-key.js';
import { stampCommands } from '../../../../../src/database/statements/stamps/stamp-commands.js';
import { createStamp, type Stamp } from '../../../../../src/database/statements/stamps/stamp.js';

describe('a stamp as commands', () => {
  it('is one text for each setting', () => {
    const id = randomUUID();
    const stamp = createStamp(id, 'a "quoted" name', { key: newStampKey(), statementTimeoutMs: 5_000 });
    expect(stampCommands(stamp)).toEqual([
      `SET LOCAL citus.propagate_set_commands = 'local'`,
      `SET LOCAL app.tenant_id = '${id}'`,
      `SET LOCAL app.tenant_proof = '${stamp.proof}'`,
      'SET LOCAL search_path = "a ""quoted"" name", public, pg_temp',
      'SET LOCAL statement_timeout = 5000',
    ]);
  });

  it('has an empty proof where the database has no key', () => {
    expect(stampCommands(createStamp(randomUUID(), 'shared'))[2]).toBe(`SET LOCAL app.tenant_proof = ''`);
  });

  it.each<Partial<Stamp>>([
    { tenantId: `x'; SET ROLE owner; --` },
    { tenantId: randomUUID().toUpperCase().replace(/-/g, '') },
    { proof: `${'a'.repeat(63)}'` },
    { proof: 'a'.repeat(65) },
    { searchPath: 'shared, public, pg_temp' },
    { searchPath: '"a", public, pg_temp; RESET ALL' },
    { searchPath: '"a" , other, public, pg_temp' },
    { searchPath: '"a", other", public, pg_temp' },
    { statementTimeoutMs: 1.5 },
    { statementTimeoutMs: -1 },
  ])('is refused with %j', (change) => {
    const stamp = { ...createStamp(randomUUID(), 'shared'), ...change };
    expect(() => stampCommands(stamp)).toThrow(TypeError);
  });
});
