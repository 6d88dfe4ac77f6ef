import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { DCLinter } from 'dclint';

const FILE = fileURLToPath(new URL('../../../compose.yaml', import.meta.url));

it('compose.yaml passes the Compose linter', async () => {
  // The order of keys is a matter of taste; a service that is built may name its image.
  const rules = {
    'no-build-and-image': 0,
    'service-keys-order': 0,
    'top-level-properties-order': 0,
  } as const;
  const [result] = new DCLinter({
    rules,
    quiet: false,
    debug: false,
    exclude: [],
  }).lintFiles([FILE], false);
  expect(result?.messages ?? []).toEqual([]);
});
