import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ConnectionPools } from '../../../src/database/pool/connection-pools.js';
import { Shutdown } from '../../../src/platform/shutdown/shutdown.js';
import { Drain } from '../../../src/server/drain.js';

let server: Server;
let shutdown: Shutdown;

beforeEach(async () => {
  server = createServer((_request, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  shutdown = new Shutdown();
  new Drain({} as ConnectionPools, shutdown).watch(server);
});

afterEach(() => void server.close());

/** @returns how often the drain counted the open connections until it had stopped listening */
async function countsUntilDrained(): Promise<number> {
  const count = jest.spyOn(server, 'getConnections');
  await shutdown.run('finish requests');
  expect(server.listening).toBe(false);
  return count.mock.calls.length;
}

describe('the drain of an instance', () => {
  it('gives no notice when no client is connected: it counts once before it stops listening, and once after', async () => {
    expect(await countsUntilDrained()).toBe(2);
  });

  it('gives notice to an idle client: it counts again and again until the notice is over', async () => {
    const agent = new Agent({ keepAlive: true });
    const [response] = (await once(get({ agent, port: (server.address() as AddressInfo).port }), 'response')) as [
      IncomingMessage,
    ];
    await once(response.resume(), 'end');
    expect(await countsUntilDrained()).toBeGreaterThan(2);
    agent.destroy();
  });
});
