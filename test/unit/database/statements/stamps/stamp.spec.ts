import { describe, expect, it } from '@jest/globals';
import { newStampKey, proofOf } from '../../../../../src/database/isolation/stamp-key.js';
import { createStamp, stampStatement } from '../../../../../src/database/statements/stamps/stamp.js';

const ID = '00000000-0000-4000-8000-000000000001';

describe('a stamp', () => {
  it('names its schema as a quoted identifier, and the temporary schema last in the search path', () => {
    expect(createStamp(ID, 'a"; DROP').searchPath).toBe('"a""; DROP", public, pg_temp');
  });

  it('carries the proof of its tenant under the key of the database, and none without a key', () => {
    const key = newStampKey();
    expect(createStamp(ID, 'app', { key }).proof).toBe(proofOf(key, ID));
    expect(createStamp(ID, 'app').proof).toBe('');
  });

  it.each(['transaction', 'session'] as const)('is sent as parameters, never as text (%s)', (scope) => {
    const stamp = createStamp(ID, 'app', { key: newStampKey(), statementTimeoutMs: 5 });
    const { text, values } = stampStatement(stamp, scope);
    expect(values).toEqual([ID, stamp.proof, stamp.searchPath, '5']);
    for (const value of values) expect(text).not.toContain(`'${value}'`);
    expect(text.match(/set_config\('[a-z_.]+', \$\d, (true|false)\)/g)).toHaveLength(4);
  });

  it('is frozen', () => {
    expect(Object.isFrozen(createStamp(ID, 'app'))).toBe(true);
  });
});
