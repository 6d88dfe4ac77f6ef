import { once } from 'node:events';
import { Redis } from 'ioredis';

/**
 * The deadline of our Redis tier, for the others by ioredis' own option: without it a frozen Redis would hold every one
 * of their calls until it is thawed.
 */
const COMMAND_TIMEOUT_MS = 100;

/** A client that fails fast, as somebody would set it up who has met an outage before. */
export function carefulClient(port) {
  return open({
    port,
    host: '127.0.0.1',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
}

/** A client as it comes. */
export function plainClient(port) {
  return open({ port, host: '127.0.0.1' });
}

async function open(options) {
  const client = new Redis(options);
  client.on('error', () => undefined); // what it means for the callers is what is measured
  await ready(client);
  return client;
}

export async function ready(client) {
  if (client.status !== 'ready') await once(client, 'ready');
}
