import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { pick } from '../statements/seeded-random.js';
import { type FaultScene, ownerUrl } from './fault-scene.js';
import type { Instance } from './instance.js';

const HOUR_MS = 3_600_000;

type Harmed =
  'instance' | 'clock' | "instance's network" | 'other server' | "other server's network" | 'redis' | 'catalog';

/** Does its harm, waits, and takes it back. */
export interface RandomFault {
  readonly name: string;
  /** Two faults of one thing at a time would take each other back. */
  readonly harms: Harmed;
  run(scene: FaultScene, instance: Instance, lastsMs: number): Promise<void>;
}

/** What has to be taken back afterwards is, also when the harm fails. */
function fault(
  harms: Harmed,
  name: string,
  begin: (scene: FaultScene, instance: Instance) => Promise<unknown> | void,
  end: (scene: FaultScene, instance: Instance) => Promise<unknown> | void,
): RandomFault {
  return {
    ...{ name, harms },
    async run(scene, instance, lastsMs) {
      try {
        await begin(scene, instance);
        await delay(lastsMs);
      } finally {
        await end(scene, instance);
      }
    },
  };
}

const RANDOM_FAULTS: readonly RandomFault[] = [
  fault(
    'instance',
    'an instance is killed',
    (_, instance) => instance.kill(),
    (_, instance) => instance.startAgain(),
  ),
  fault(
    'instance',
    'an instance is restarted',
    (_, instance) => instance.stop(),
    (_, instance) => instance.startAgain(),
  ),
  fault(
    'instance',
    'an instance freezes',
    (_, instance) => instance.signal('SIGSTOP'),
    (_, instance) => instance.signal('SIGCONT'),
  ),
  fault(
    'clock',
    "an instance's clock jumps forward",
    (_, instance) => instance.jumpClock(HOUR_MS),
    (_, instance) => instance.jumpClock(0),
  ),
  fault(
    'clock',
    "an instance's clock jumps back",
    (_, instance) => instance.jumpClock(-HOUR_MS),
    (_, instance) => instance.jumpClock(0),
  ),
  fault(
    "instance's network",
    "an instance's network to the catalog holds everything back",
    (_, instance) => instance.network.freeze(),
    (_, instance) => instance.network.thaw(),
  ),
  fault(
    "instance's network",
    "an instance's network to the catalog is cut",
    (_, instance) => instance.network.cut(),
    (_, instance) => instance.network.mend(),
  ),
  fault(
    "instance's network",
    "an instance's connections to the catalog are forgotten",
    (_, instance) => void instance.network.forgetLinks(),
    (_, instance) => instance.network.reapForgotten(),
  ),
  fault(
    'other server',
    'the other server is killed',
    ({ other }) => other.kill(),
    ({ other }) => other.startAgain(),
  ),
  fault(
    'other server',
    'the other server freezes',
    ({ other }) => other.freeze(),
    ({ other }) => other.thaw(),
  ),
  fault(
    "other server's network",
    'the network to the other server is cut',
    ({ otherNetwork }) => otherNetwork.cut(),
    ({ otherNetwork }) => otherNetwork.mend(),
  ),
  {
    name: 'the other server is full',
    harms: 'other server',
    run: async ({ other }, _, lastsMs) => fillUp(ownerUrl(other), lastsMs),
  },
  fault(
    'redis',
    'Redis is away',
    ({ redis }) => redis.stop(),
    ({ redis }) => redis.startAgain(),
  ),
  fault(
    'redis',
    'Redis freezes',
    ({ redis }) => redis.freeze(),
    ({ redis }) => redis.thaw(),
  ),
  { name: "the catalog's primary is switched over", harms: 'catalog', run: ({ cluster }) => cluster.switchOver() },
  {
    name: "the catalog's primary is killed",
    harms: 'catalog',
    async run({ cluster }) {
      await cluster.hasStandby(); // without one, what was acknowledged is on the killed machine alone
      const node = await cluster.leader();
      await node.kill();
      await cluster.leader();
      await node.start();
    },
  },
];

/** Faults for one moment: mostly one, at times two. */
export function nextFaults(random: () => number): readonly RandomFault[] {
  const [first, second] = [pick(random, RANDOM_FAULTS), pick(random, RANDOM_FAULTS)];
  return random() < 0.7 || first.harms === second.harms ? [first] : [first, second];
}

/** Takes every connection that the server has left. */
async function fillUp(url: string, lastsMs: number): Promise<void> {
  const taken: pg.Client[] = [];
  try {
    const deadline = performance.now() + lastsMs;
    while (performance.now() < deadline) {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => undefined); // the server may be killed meanwhile
      try {
        await client.connect();
        taken.push(client);
      } catch {
        await delay(100); // full
      }
    }
  } finally {
    await Promise.all(taken.map((client) => client.end()));
  }
}
