import { describe, expect, it } from '@jest/globals';
import { createStamp, localStampCommands, sessionStampCommands } from '../../../../src/database/statements/stamp.js';

describe('a stamp', () => {
  it('names the schema as a quoted identifier, and the temporary schema last', () => {
    expect(createStamp('t', 'a"; DROP').searchPath).toBe('"a""; DROP", public, pg_temp');
  });

  it('cannot be broken out of when it is written as commands', () => {
    const stamp = createStamp(`x'; RESET ALL; --\\`, 'app');
    expect(localStampCommands(stamp)).toBe(
      `SET LOCAL app.tenant_id =  E'x''; RESET ALL; --\\\\'; SET LOCAL search_path = "app", public, pg_temp`,
    );
    expect(sessionStampCommands(stamp)).toContain(`E'x''; RESET ALL; --\\\\'; SET search_path`);
  });

  it('does not change', () => {
    expect(Object.isFrozen(createStamp('t', 'app'))).toBe(true);
  });
});
