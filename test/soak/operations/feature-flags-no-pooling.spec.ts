import { restSuites } from '../../contracts/rest-suites.js';
import { launchSwitched } from '../../support/redis/with-redis.js';

// With pooling and without Redis is what test/e2e runs with.
restSuites('without pooling and without Redis', launchSwitched({ ENABLE_CONNECTION_POOLING: 'false' }));
