import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type CrashCase, crashEverywhere, provisioned, works } from '../../contracts/operation-crashes.js';
import { restoreBackCase, restoreCase } from '../../contracts/restore-crashes.js';
import { Operators } from '../../support/operations/operators.js';

const LONGEST_MS = 10 * 60_000;
const ISOLATIONS = ['row', 'schema', 'database'] as const;

let folder: string;
let operators: Operators;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  chmodSync(folder, 0o700);
  operators = await Operators.start({ BACKUP_URL: pathToFileURL(folder).href });
});
afterAll(async () => {
  await operators.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A backup that is made once, whatever happens to its process, and that can be restored. */
async function backupCase(): Promise<CrashCase> {
  const slug = await provisioned(operators, 'schema');
  await works(operators, slug);
  return {
    kind: 'backup',
    request: async () => (await operators.call('POST', '/admin/v1/backups', { tenant: slug })).body,
    verify: async () => {
      const { items } = (await operators.call('GET', `/admin/v1/backups?tenant=${slug}`)).body;
      expect(items).toEqual([expect.objectContaining({ tenant: slug, state: 'kept' })]);
      const [{ id, tenantId }] = items;
      const objects = readdirSync(join(folder, tenantId)).filter((name) => !name.endsWith('.partial'));
      expect(objects).toEqual([`${id}.age`]);
      await works(operators, slug);
    },
  };
}

it(
  'a backup whose process is killed is still made, once',
  async () => expect(await crashEverywhere(operators, backupCase)).toBe(3),
  LONGEST_MS,
);

/** One isolation after the other, so that none is crashed at the same steps only. */
function inTurn<T>(make: (isolation: (typeof ISOLATIONS)[number]) => T): () => T {
  let made = 0;
  return () => make(ISOLATIONS[(made += 1) % ISOLATIONS.length]!);
}

it(
  'a restore over its tenant whose process is killed is still done, and can be taken back',
  async () =>
    expect(
      await crashEverywhere(
        operators,
        inTurn((isolation) => restoreCase(operators, isolation)),
      ),
    ).toBe(11),
  LONGEST_MS,
);

it(
  'a restore that is taken back by a process that is killed is still taken back',
  async () =>
    expect(
      await crashEverywhere(
        operators,
        inTurn((isolation) => restoreBackCase(operators, isolation)),
      ),
    ).toBe(5),
  LONGEST_MS,
);
