import { describe, expect, it } from '@jest/globals';
import { unifiedDiff } from '../../../../src/cli/host/unified-diff.js';

describe('the diff of a file', () => {
  it('is that of diff -u', () => {
    const before = ['a', 'b', 'c', 'd', 'e', ''].join('\n');
    const after = ['a', 'b', 'c', 'd', 'new', 'e', ''].join('\n');
    const hunk = ['@@ -2,4 +2,5 @@', ' b', ' c', ' d', '+new', ' e'];
    expect(unifiedDiff({ path: 'x.ts', before, after })).toEqual(['--- a/x.ts', '+++ b/x.ts', ...hunk]);
    expect(unifiedDiff({ path: 'x.ts', before: undefined, after: 'a\n' }).at(0)).toBe('--- /dev/null');
  });

  it.each(['\n', '\r\n', ''])(
    'of a file with secrets shows no value, generated or there before: ending in %j',
    (end) => {
      const before = `PASSWORD=of the owner${end}`;
      const after = `PASSWORD=of the owner\nENCRYPTION_KEYS=k1:generated\n`;
      const shown = unifiedDiff({ path: '.env', before, after, secrets: ['k1:generated'] }).join('\n');
      expect(shown).toContain('+ENCRYPTION_KEYS=(generated)');
      expect(shown).not.toMatch(/of the owner|k1:generated/);
    },
  );
});
