// Loaded into each program under test (`--import`), all alike: answers the bench over the IPC channel, costs nothing
// until it is asked, and does not keep the process alive.
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';

const SAMPLING_US = 500;
let profiling;

const answers = {
  /** Bytes in use once garbage is gone. */
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
  /** Writes what `--cpu-prof` would, but of the time since `startProfile` only. */
  async stopProfile(path) {
    const { profile } = await profiling.post('Profiler.stop');
    profiling.disconnect();
    await writeFile(path, JSON.stringify(profile));
  },
};

process.on('message', async ({ question, argument }) => {
  try {
    process.send({ value: (await answers[question](argument)) ?? null });
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.channel?.unref();

// The bench is gone, by whatever force.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
