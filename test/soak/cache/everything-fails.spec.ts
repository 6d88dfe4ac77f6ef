import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { pick, seededRandom } from '../../support/statements/seeded-random.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { testServer } from '../../support/postgres/postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { TestRedis } from '../../support/redis/test-redis.js';
import { ThreeInstances } from '../../support/processes/three-instances.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

const ROUNDS = 10;
const SEED = Number(process.env['SEED'] ?? randomInt(100_000));

let redis: TestRedis;
let redisProxy: TcpProxy;
let heardProxy: TcpProxy;
let three: ThreeInstances;

beforeAll(async () => {
  Logger.overrideLogger(new LogRecorder());
  redis = await TestRedis.start();
  redisProxy = await TcpProxy.before(redis.address);
  heardProxy = await TcpProxy.before(testServer());
  const { port } = redisProxy.through({ server: {} } as never).server;
  three = await ThreeInstances.over({ port }, (target) => heardProxy.through(target));
});

afterAll(async () => {
  await three.close();
  await Promise.all([redisProxy.close(), heardProxy.close()]);
  await redis.stop();
  Logger.overrideLogger(false);
});

const FAULTS: [string, () => unknown, () => unknown][] = [
  ['Redis frozen', () => redis.freeze(), () => redis.thaw()],
  ['Redis cut off', () => redisProxy.cut(), () => redisProxy.mend()],
  ['Redis slow', () => redisProxy.slowDown(60), () => redisProxy.slowDown(0)],
  ['Redis very slow', () => redisProxy.slowDown(400), () => redisProxy.slowDown(0)],
  ['Redis replies held back', () => redisProxy.freeze(), () => redisProxy.thaw()],
  ['Redis emptied', () => redis.send('FLUSHALL'), () => undefined],
  ['Redis full', () => redis.send('CONFIG', 'SET', 'maxmemory', 1), () => redis.send('CONFIG', 'SET', 'maxmemory', 0)],
  ['notifications cut off', () => heardProxy.cut(), () => heardProxy.mend()],
  ['notifications late', () => heardProxy.slowDown(150), () => heardProxy.slowDown(0)],
  [
    'backends ended',
    () =>
      three.database.admin(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE ${isNamedFor('signed notifications')} AND datname = current_database()`,
      ),
    () => undefined,
  ],
];

describe('three instances under random faults, alone and in pairs', () => {
  it(
    `all serve the catalog's values after each fault (SEED=${SEED})`,
    async () => {
      const random = seededRandom(SEED);
      for (let round = 0; round < ROUNDS; round += 1) {
        const [first, second] = [pick(random, FAULTS), pick(random, FAULTS)];
        await first[1]();
        await three.readAndWrite();
        if (!['Redis frozen', 'Redis full'].includes(first[0])) await second[1](); // it could not receive the command
        await three.readAndWrite();
        await delay(random() * 300);
        redis.thaw();
        await first[2]();
        await second[2]();
        await three.readAndWrite();
        await three.everyoneIsRight();
      }
      await three.redisIsUsed();
      three.all.push(await three.another());
      await three.everyoneIsRight();
    },
    ROUNDS * 30_000,
  );
});
