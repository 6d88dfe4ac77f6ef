import { once } from 'node:events';
import { Redis } from 'ioredis';

/**
 * The time limit of our Redis tier, applied to the others with ioredis's own option: without it a frozen Redis would
 * block each of their calls until it resumes.
 */
const COMMAND_TIMEOUT_MS = 100;

/** A client that fails fast, as a team configures it after its first outage. */
export function carefulClient(port) {
  return open({
    port,
    host: '127.0.0.1',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
}

/** A client with default options. */
export function plainClient(port) {
  return open({ port, host: '127.0.0.1' });
}

async function open(options) {
  const client = new Redis(options);
  client.on('error', () => undefined); // the effect on callers is what the bench measures
  await ready(client);
  return client;
}

export async function ready(client) {
  if (client.status !== 'ready') await once(client, 'ready');
}
