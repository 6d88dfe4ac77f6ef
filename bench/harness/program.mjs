import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const PROBE = new URL('./probe.mjs', import.meta.url).href;
const READY_WITHIN_MS = 60_000;
const STOP_GRACE_MS = 15_000;
const OUTPUT_LINES = 40;

/** A server under test: a separate Node process on 127.0.0.1 and a free port. */
export class Program {
  #output = [];

  /**
   * Starts it and waits until it accepts connections.
   *
   * @param name its name in tables
   * @param path path of its script
   * @param env environment variables, in addition to PATH, NODE_ENV, HOST and PORT
   * @param role the login role that its connections are counted by; undefined for the application
   */
  static async start({ name, path, env, role }) {
    const program = new Program();
    const port = await freePort();
    const started = performance.now();
    program.name = name;
    program.role = role;
    program.url = `http://127.0.0.1:${port}`;
    program.child = fork(path, {
      env: { PATH: process.env.PATH, NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), ...env },
      execArgv: ['--import', PROBE, '--expose-gc'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      cwd: tmpdir(), // a folder without a .env file
      // Ctrl-C in the terminal then reaches only the bench, which stops its programs in order.
      detached: true,
    });
    for (const stream of [program.child.stdout, program.child.stderr]) {
      stream.on('data', (text) => program.#record(text));
    }
    try {
      await program.#waitUntilListening(port);
    } catch (error) {
      await program.stop();
      throw error;
    }
    /** Time in ms from the spawn to the first accepted connection. */
    program.startMs = performance.now() - started;
    return program;
  }

  get pid() {
    return this.child.pid;
  }

  /** Runs a command of the probe inside the program. */
  async call(command, argument) {
    this.child.send({ command, argument });
    const [answer] = await once(this.child, 'message', { signal: AbortSignal.timeout(60_000) });
    if (answer.error) throw new Error(`${this.name}: ${answer.error}`);
    return answer.value;
  }

  /** The last lines it printed. */
  get output() {
    return this.#output.join('').split('\n').slice(-OUTPUT_LINES).join('\n');
  }

  async stop() {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const killTimer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
    await exited;
    clearTimeout(killTimer);
  }

  #record(text) {
    this.#output.push(String(text));
    if (this.#output.length > 200) this.#output.shift();
  }

  async #waitUntilListening(port) {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (Date.now() < deadline) {
      if (this.child.exitCode !== null) throw new Error(`${this.name} exited during startup:\n${this.output}`);
      if (await canConnect(port)) return;
      await delay(5);
    }
    throw new Error(`${this.name} did not listen within ${READY_WITHIN_MS} ms:\n${this.output}`);
  }
}

function canConnect(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
