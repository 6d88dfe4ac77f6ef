import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StampBlindServer } from '../../support/citus/stamp-blind-server.js';
import { testServer } from '../../support/postgres/postgres.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MINUTES = 60_000;

const SPECS = [
  'test/e2e/isolation',
  'test/integration/app/orders',
  'test/integration/database/(batches|data-source|statements|transactions)/',
];

/** Specs of those folders that are about something else there, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'statements/named-statements': 'statements have no names',
  'transactions/like-node-postgres': 'it compares with a bare driver, whose settings the server loses',
};

/** Tests that are different there, by the beginning of their names, and why. Each of them must fail. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'a transaction (pooled) begins together with its first statement': 'it counts the messages of a stamp',
  'a transaction (direct) begins together with its first statement': 'it counts the messages of a stamp',
  'a statement and its stamp (pooled) are sent in one pipelined query': 'a flight has two Syncs',
  'a statement and its stamp (direct) are sent in one pipelined query': 'a flight has two Syncs',
  'a statement and its stamp (pooled) does not run when the stamp fails': 'such a stamp is refused before it is sent',
  'a statement and its stamp (direct) does not run when the stamp fails': 'such a stamp is refused before it is sent',
  'statements called for side by side at the beginning of a transaction go out together with BEGIN':
    'it counts messages',
  'a frequent statement in transactions is sent by name': 'statements have no names',
  'a shared connection carries quick reads of several tenants at once, each by name': 'statements have no names',
  'a shared connection repeats nothing when it broke silently': 'it counts Syncs, of which each flight has two',
  'a batch is sent again by text when the server has lost its names': 'statements have no names',
};

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

// The suite that proves how statements are isolated, against a server that loses stamps as Citus does.
describe('the suite through the stamp-blind server', () => {
  let proxy: StampBlindServer;
  const output = join(tmpdir(), `tenantry-citus-${process.pid}.json`);

  beforeAll(async () => {
    proxy = await StampBlindServer.start();
  });

  afterAll(async () => {
    await proxy.close();
    await rm(output, { force: true });
  });

  it(
    'passes',
    async () => {
      const report = await run(proxy.port, output);
      const failed = report.testResults.flatMap(({ assertionResults }) =>
        assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
      );
      const isDifferent = (name: string): boolean => Object.keys(DIFFERENT).some((start) => name.startsWith(start));
      process.stdout.write(
        `\nThrough the stamp-blind server: ${report.numPassedTests} passed, ${failed.length} failed, of which ` +
          `${failed.filter(isDifferent).length} are different there\n`,
      );
      expect(failed.filter((name) => !isDifferent(name))).toEqual([]);
      const passing = Object.keys(DIFFERENT).filter((start) => !failed.some((name) => name.startsWith(start)));
      expect(passing).toEqual([]);
      expect(report.numPassedTests).toBeGreaterThan(200);
    },
    18 * MINUTES,
  );
});

/** Runs the specs in a process of their own, whose PostgreSQL is at the port. */
async function run(port: number, output: string): Promise<Report> {
  const child = spawn(
    process.execPath,
    [
      ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'],
      ...['-c', 'test/jest.config.mjs', '--selectProjects', 'integration', 'e2e', '--runInBand'],
      ...['--json', '--outputFile', output, '--testPathPatterns', ...SPECS],
      ...['--testPathIgnorePatterns', ...Object.keys(LEFT_OUT)],
    ],
    {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        TEST_SERVICES: 'given',
        TEST_POSTGRES: JSON.stringify({ ...testServer(), host: '127.0.0.1', port }),
      },
    },
  );
  await once(child, 'exit');
  return JSON.parse(await readFile(output, 'utf8')) as Report;
}
