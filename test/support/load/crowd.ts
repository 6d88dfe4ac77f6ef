import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('crowd-worker.mjs', import.meta.url));

/** Starts so many clients of one tenant in another process, each of which sends one request after the other. */
export async function startCrowd(
  url: string,
  apiKey: string,
  clients: number,
): Promise<{ readonly stop: () => Promise<string> }> {
  const worker = fork(WORKER, [url, apiKey, String(clients)], { execArgv: [] });
  process.once('exit', () => worker.kill('SIGKILL'));
  await once(worker, 'message'); // its clients are connected
  return {
    /** @returns its answers by status, for a table */
    stop: async () => {
      worker.send('stop');
      const [answers] = (await once(worker, 'message')) as [Record<string, number>];
      return Object.entries(answers)
        .map(([status, count]) => `${count.toLocaleString('en')} × ${status}`)
        .join(', ');
    },
  };
}
