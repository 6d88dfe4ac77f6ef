import { afterAll, beforeAll } from '@jest/globals';
import { restSuites } from '../../contracts/rest-suites.js';
import { TestRedis } from '../../support/redis/test-redis.js';
import { launchSwitched } from '../../support/redis/with-redis.js';

let redis: TestRedis;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

restSuites(
  'with pooling and Redis',
  launchSwitched({}, () => redis),
);
