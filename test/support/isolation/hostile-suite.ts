import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { seededRandom } from '../statements/seeded-random.js';
import { generateHostileSql } from './hostile-generator.js';
import { HOSTILE_SQL } from './hostile-sql/hostile-sql.js';
import { type Finding, HostileSession, WAYS, wayAt } from './hostile-session.js';
import { ISOLATIONS, Neighbours } from './neighbours.js';

interface SuiteOptions {
  readonly through?: (target: ConnectionTarget) => ConnectionTarget;
  /** Set behind a pooler, whose connections keep what a client left on them, although our own connection was closed. */
  readonly isPooled?: boolean;
}

const SEED = Number(process.env['SOAK_SEED'] ?? Math.floor(Date.now() / 86_400_000));
/** Generated attacks per isolation and route. */
const COUNT = Number(process.env['SOAK_HOSTILE_SQL'] ?? 1_500);
const TIMEOUT_MS = 600_000;

/** Every attack of the table in every way, and generated ones, in each isolation. */
export function hostileSqlSuite({ through, isPooled = false }: SuiteOptions = {}): void {
  describe.each(ISOLATIONS)('in %s isolation', (isolation) => {
    let neighbours: Neighbours;
    let session: HostileSession;

    beforeAll(async () => {
      neighbours = await Neighbours.create(isolation, isPooled ? { statementTimeoutMs: 5_000 } : {});
      session = await HostileSession.open(neighbours, { through, isPooled });
    });

    afterAll(async () => {
      await session.close();
      await neighbours.close();
    });

    it.each(WAYS)(
      'the attacks of the table read and change nothing of another tenant, as %s',
      async (way) => {
        const findings: Finding[] = [];
        for (const [kind, attacks] of Object.entries(HOSTILE_SQL)) {
          for (const attack of attacks) findings.push(...(await session.attack(attack, way, kind)));
        }
        expect(findings).toEqual([]);
      },
      TIMEOUT_MS,
    );

    it(
      `${COUNT} generated attacks read and change nothing of another tenant (SOAK_SEED=${SEED})`,
      async () => {
        const random = seededRandom(SEED);
        const findings: Finding[] = [];
        for (let turn = 0; turn < COUNT; turn += 1) {
          const attack = generateHostileSql(random);
          findings.push(...(await session.attack(attack, wayAt(turn, attack, 'generated'), 'generated')));
        }
        expect(findings).toEqual([]);
      },
      TIMEOUT_MS,
    );
  });
}
