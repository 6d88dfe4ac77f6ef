import type { Launch } from '../../contracts/launch.js';
import { TestApp } from '../test-app.js';
import type { TestRedis } from './test-redis.js';

/** Launches with some feature flags set; with Redis each catalog has a key prefix of its own. */
export function launchSwitched(flags: Record<string, string>, redis?: () => TestRedis): Launch {
  return (database, env) => {
    const ofRedis = redis && {
      ENABLE_REDIS_CACHE: 'true',
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redis().port),
      REDIS_KEY_PREFIX: database.name,
    };
    return TestApp.over(database, { ...ofRedis, ...flags, ...env });
  };
}
