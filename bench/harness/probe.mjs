// Loaded into every program under test (`--import`): runs the bench's commands, received over the IPC channel. It costs
// nothing while there are none, and does not keep the process alive.
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';

const SAMPLING_US = 500;
let profiling;

const commands = {
  /** Memory usage in bytes, after garbage collection. */
  memory() {
    globalThis.gc();
    globalThis.gc();
    return process.memoryUsage();
  },
  async startProfile() {
    profiling = new Session();
    profiling.connect();
    await profiling.post('Profiler.enable');
    await profiling.post('Profiler.setSamplingInterval', { interval: SAMPLING_US });
    await profiling.post('Profiler.start');
  },
  /** Writes a profile like that of `--cpu-prof`, but only since `startProfile`. */
  async stopProfile(path) {
    const { profile } = await profiling.post('Profiler.stop');
    profiling.disconnect();
    await writeFile(path, JSON.stringify(profile));
  },
};

process.on('message', async ({ command, argument }) => {
  if (command === undefined) return; // in a worker of the application: its primary's
  try {
    process.send({ value: (await commands[command](argument)) ?? null });
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.channel?.unref();

// The bench has ended, even if by SIGKILL.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
