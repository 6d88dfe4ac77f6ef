import type { Launch } from '../../contracts/launch.js';
import { TestApp } from '../test-app.js';
import type { TestRedis } from './test-redis.js';

/** With some switches set; where Redis is on, each catalog has its own part of it. */
export function launchSwitched(switches: Record<string, string>, redis?: () => TestRedis): Launch {
  return (database, env) => {
    const ofRedis = redis && {
      ENABLE_REDIS_CACHE: 'true',
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redis().port),
      REDIS_KEY_PREFIX: database.name,
    };
    return TestApp.over(database, { ...ofRedis, ...switches, ...env });
  };
}
