import { describe, expect, it } from '@jest/globals';
import { createStamp, localStampCommands, sessionStampCommands } from '../../../../src/database/statements/stamp.js';

describe('a stamp', () => {
  it('names its schema as a quoted identifier, and the temporary schema last in the search path', () => {
    expect(createStamp('t', 'a"; DROP').searchPath).toBe('"a""; DROP", public, pg_temp');
  });

  it('escapes the tenant id when it is written as commands', () => {
    const stamp = createStamp(`x'; RESET ALL; --\\`, 'app');
    expect(localStampCommands(stamp)).toBe(
      `SET LOCAL app.tenant_id =  E'x''; RESET ALL; --\\\\'; SET LOCAL search_path = "app", public, pg_temp`,
    );
    expect(sessionStampCommands(stamp)).toContain(`E'x''; RESET ALL; --\\\\'; SET search_path`);
  });

  it('is frozen', () => {
    expect(Object.isFrozen(createStamp('t', 'app'))).toBe(true);
  });
});
