import { describe, expect, it } from '@jest/globals';
import { FleetScale } from '../../../../src/admin/placement/fleet-scale.js';
import { NoServerWithRoomError } from '../../../../src/admin/placement/placement.errors.js';
import {
  chooseServer,
  exclusionOf,
  type PlacementServer,
  type PlacementWish,
  type ServerChoice,
  withTenant,
} from '../../../../src/admin/placement/server-choice.js';
import { seededRandom } from '../../../support/statements/seeded-random.js';

const ANY: PlacementWish = { labels: {}, bytes: 0 };
const GB = 2 ** 30;
const HOUR_MS = 3_600_000;

function server(name: string, facts: Partial<PlacementServer> = {}): PlacementServer {
  return {
    ...{
      id: `id-${name}`,
      name,
      host: name,
      draining: false,
      labels: {},
      maxTenants: null,
      maxBytes: null,
      connections: 90,
    },
    ...{ neededConnections: 0, tenants: 0, bytes: 0, databaseMs: 0, ...facts },
  };
}

const nameOf = (servers: readonly PlacementServer[], wish = ANY): string | undefined =>
  chooseServer(servers, wish).chosen?.name;

/** For one tenant after another, each of which takes room from the next. */
function chooseServers(servers: readonly PlacementServer[], wishes: readonly PlacementWish[]): ServerChoice[] {
  let current = servers;
  return wishes.map((wish) => {
    const choice = chooseServer(current, wish);
    current = current.map((each) => (each === choice.chosen ? withTenant(each, wish.bytes) : each));
    return choice;
  });
}

describe('a server for a tenant', () => {
  it('is the one with the fewest tenants for its connections', () => {
    expect(nameOf([server('a', { tenants: 10 }), server('b', { tenants: 9 })])).toBe('b');
    expect(nameOf([server('a', { tenants: 10, connections: 180 }), server('b', { tenants: 9 })])).toBe('a');
  });

  it('is the one with less stored, or less time in PostgreSQL, where tenants are as many', () => {
    const same = { tenants: 10 };
    expect(nameOf([server('a', { ...same, bytes: 50 * GB }), server('b', { ...same, bytes: 5 * GB })])).toBe('b');
    const busy = { ...same, databaseMs: 20 * HOUR_MS };
    expect(nameOf([server('a', busy), server('b', { ...same, databaseMs: HOUR_MS })])).toBe('b');
  });

  it('is not decided by a few bytes or milliseconds', () => {
    const idle = { tenants: 9, bytes: 20_000_000, databaseMs: 500 };
    expect(nameOf([server('a', { tenants: 10 }), server('b', idle)])).toBe('b');
  });

  it('is one whose connections are not needed now, where all else is equal', () => {
    expect(nameOf([server('a', { neededConnections: 80 }), server('b', { neededConnections: 20 })])).toBe('b');
  });

  it('is the first by name among equal ones, and an unknown limit counts as an average one', () => {
    expect(nameOf([server('b'), server('a')])).toBe('a');
    expect(nameOf([server('a', { tenants: 5 }), server('new', { connections: null, tenants: 4 })])).toBe('new');
    expect(nameOf([server('a', { tenants: 4 }), server('new', { connections: null, tenants: 5 })])).toBe('a');
    expect(nameOf([server('a', { tenants: 4, connections: null }), server('b', { connections: null })])).toBe('b');
  });

  it('is never one that drains, lacks a label, is full, or does not come into question', () => {
    const wish = { labels: { region: 'eu', tier: 'gold' }, bytes: GB, unfit: new Map([['id-f', 'source' as const]]) };
    const labels = { region: 'eu', tier: 'gold', more: 'x' };
    const servers = [
      server('a', { labels, draining: true }),
      server('b', { labels: { region: 'eu' } }),
      server('c', { labels, tenants: 3, maxTenants: 3 }),
      server('d', { labels, bytes: 9.5 * GB, maxBytes: 10 * GB }),
      server('e', { labels, tenants: 99, maxTenants: 100, bytes: 8 * GB, maxBytes: 10 * GB }),
      server('f', { labels }),
    ];
    expect(nameOf(servers, wish)).toBe('e');
    const { chosen, considered } = chooseServer(servers.toSpliced(4, 1), wish);
    expect(chosen).toBeUndefined();
    expect(considered.map(({ excludedBy }) => excludedBy)).toEqual([
      'draining',
      'labels',
      'tenants',
      'bytes',
      'source',
    ]);
    expect(NoServerWithRoomError.among(considered)).toMatchObject({
      ...{ code: 'NO_SERVER_WITH_ROOM' },
      message:
        'no server has room for the tenant: of 5, 1 is where the tenant is, 1 is draining, 1 lacks the labels, ' +
        '1 has as many tenants as allowed, 1 has as many bytes stored as allowed',
    });
  });

  it('that has reached its bytes exactly gets not even an empty tenant', () => {
    expect(nameOf([server('a', { bytes: GB, maxBytes: GB })])).toBeUndefined();
    expect(nameOf([server('a', { bytes: GB - 1, maxBytes: GB })])).toBe('a');
    expect(nameOf([server('a', { maxTenants: 0 })])).toBeUndefined();
  });
});

describe('the load of a server', () => {
  it('is 1 for its fair part, whatever its size', () => {
    const full = { bytes: 100 * GB, databaseMs: 50 * HOUR_MS };
    const servers = [
      server('small', { tenants: 100, connections: 50, bytes: full.bytes / 2, databaseMs: full.databaseMs / 2 }),
      server('large', { tenants: 200, connections: 100, ...full }),
    ];
    const scale = new FleetScale(servers);
    for (const each of servers) expect(scale.loadOf(each)).toBeCloseTo(1, 10);
    const idle = servers.map((each) => ({ ...each, bytes: 0, databaseMs: each.databaseMs / 1000 }));
    for (const each of idle) expect(new FleetScale(idle).loadOf(each)).toBeCloseTo(1, 10);
  });
});

describe('over random fleets', () => {
  it.each(Array.from({ length: 200 }, (_, n) => n + 1))(
    'a tenant goes to an admissible server if there is one, and none exceeds its capacity (%i)',
    (seed) => {
      const random = seededRandom(seed);
      const pick = (below: number): number => Math.floor(random() * below);
      const maybe = <T>(value: T): T | null => (random() < 0.4 ? value : null);
      const labelsOf = (): Record<string, string> => (random() < 0.5 ? { region: ['eu', 'us'][pick(2)]! } : {});
      const servers = Array.from({ length: 1 + pick(8) }, (_, n) =>
        server(`s${n}`, {
          ...{ draining: random() < 0.2, labels: labelsOf(), connections: maybe(20 + pick(200)) },
          ...{ tenants: pick(30), bytes: pick(30) * GB, databaseMs: pick(10) * HOUR_MS, neededConnections: pick(20) },
          ...{ maxTenants: maybe(pick(40)), maxBytes: maybe(pick(40) * GB) },
        }),
      );
      const wishes = Array.from({ length: pick(60) }, () => ({ labels: labelsOf(), bytes: pick(2) * pick(3) * GB }));
      const choices = chooseServers(servers, wishes);
      const current = new Map(servers.map((each) => [each.name, each]));
      for (const [n, { chosen, considered }] of choices.entries()) {
        const wish = wishes[n]!;
        const admissible = [...current.values()].filter((each) => exclusionOf(each, wish) === undefined);
        expect(chosen === undefined).toBe(admissible.length === 0);
        expect(considered).toHaveLength(servers.length);
        if (!chosen) continue;
        expect(admissible.map(({ name }) => name)).toContain(chosen.name);
        const now = current.get(chosen.name)!;
        current.set(now.name, { ...now, tenants: now.tenants + 1, bytes: now.bytes + wish.bytes });
      }
      for (const { name, tenants, bytes, maxTenants, maxBytes } of current.values()) {
        const before = servers.find((each) => each.name === name)!;
        if (maxTenants !== null) expect(tenants).toBeLessThanOrEqual(Math.max(maxTenants, before.tenants));
        if (maxBytes !== null) expect(bytes).toBeLessThanOrEqual(Math.max(maxBytes, before.bytes));
      }
    },
  );

  it.each([1, 2, 7, 30])('of %i equal servers, none gets two tenants more than another', (count) => {
    const servers = Array.from({ length: count }, (_, n) => server(`s${n}`));
    const choices = chooseServers(
      servers,
      Array.from({ length: 100 }, () => ANY),
    );
    const counts = servers.map(({ id }) => choices.filter(({ chosen }) => chosen?.id === id).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  it('servers get tenants in proportion to their connections', () => {
    const servers = [server('a', { connections: 50 }), server('b', { connections: 100 }), server('c')];
    const choices = chooseServers(
      servers,
      Array.from({ length: 240 }, () => ANY),
    );
    const counts = servers.map(({ id }) => choices.filter(({ chosen }) => chosen?.id === id).length);
    expect(counts).toEqual([50, 100, 90]);
  });
});
