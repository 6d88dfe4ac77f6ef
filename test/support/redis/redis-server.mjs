// A real redis-server for tests.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram } from '../processes/system-program.mjs';

const compiled = (path) => import(new URL(`../../../dist/dev/embedded-postgres/${path}`, import.meta.url).href);
const { ParentWatch } = await compiled('parent-watch.js');
const { removeAbandoned, stagingPath } = await compiled('staging.js');

const PACKAGES = { 'apt-get': 'redis-server', apk: 'redis', dnf: 'redis', brew: 'redis' };
const READY_WITHIN_MS = 10_000;
const STOP_GRACE_MS = 3_000;

/**
 * Starts a Redis on 127.0.0.1 that keeps nothing on disk and ends when this process does.
 *
 * @param {{ port?: number, args?: string[] }} [options] a free port is chosen unless given
 * @returns {Promise<{ port: number, pid: number, stop(): Promise<void> }>} `pid` is the server's, for tests that
 *   kill or freeze it; `stop` resolves when it has ended, at once when it already had
 */
export async function startRedis({ port, args = [] } = {}) {
  const program = await findProgram('redis-server', PACKAGES);
  const name = `tenantry-redis-${userInfo().uid}`;
  await removeAbandoned(tmpdir(), name); // left by interrupted runs
  const folder = stagingPath(tmpdir(), name);
  await mkdir(folder);
  const listening = port ?? (await freePort());
  const pidFile = join(folder, 'redis.pid');
  const network = ['--port', `${listening}`, '--bind', '127.0.0.1'];
  const options = [...network, '--dir', folder, '--pidfile', pidFile, '--save', '', '--appendonly', 'no'];
  const env = { PATH: process.env.PATH, LC_ALL: 'C' };
  // Redis writes its log, including errors at start, to standard output, which is not read.
  const server = new ParentWatch('/bin/sh', ['-c', 'exec "$0" "$@" >&2', program, ...options, ...args], {
    cwd: '/',
    env,
  });
  const stop = async () => {
    await server.stop(['INT', 'KILL'], STOP_GRACE_MS);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const pid = await whenReady(server, listening, pidFile);
    server.unref();
    return { port: listening, pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Ready when it answers anything; it writes its process id before it listens. */
async function whenReady(server, port, pidFile) {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (server.end) throw new Error(`redis-server ended while starting:\n${server.end.output.join('\n')}`);
    if (existsSync(pidFile) && (await answers(port))) return Number(await readFile(pidFile, 'utf8'));
    await Promise.race([delay(20), server.ended]);
  }
  throw new Error(`redis-server did not answer within ${READY_WITHIN_MS} ms`);
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const settle = (answered) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('data', () => settle(true)); // +PONG, or -NOAUTH when the test asked for a password
    socket.once('error', () => settle(false)); // not listening yet
  });
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
