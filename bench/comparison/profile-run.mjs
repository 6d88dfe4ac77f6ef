import { join } from 'node:path';
import { touch } from '../harness/touch.mjs';
import { summarise } from '../profile.mjs';

const RESULTS = new URL('../results/', import.meta.url).pathname;

/** Runs the application alone under load and prints its CPU profile for each section and kind of work. */
export async function profileOurs(bench, isolation, sections, options) {
  const { contestants, stop } = await bench.startContestants(isolation, [], options);
  const [{ program }] = contestants;
  try {
    const count = Math.max(...sections.map(({ tenants }) => tenants));
    if (isolation === 'row') await touch(program, { tenants: count, orders: options.orders });
    for (const { works, tenants, choice, callers } of sections) {
      for (const work of works) {
        const requests = { work, group: isolation, tenants, orders: options.orders, choice };
        const send = (seconds, seed) =>
          bench.load.round({
            url: program.url,
            requests: { ...requests, seed, run: `P${bench.nextRun()}` },
            callers,
            seconds,
            prepare: 8_000 * seconds,
          });
        await send(Math.max(3, options.seconds), 1);
        await program.call('startProfile');
        const { perSecond } = await send(options.seconds * options.rounds, 2);
        const path = join(RESULTS, `${isolation}-${tenants}-${choice}-${callers}-${work}.cpuprofile`);
        await program.call('stopProfile', path);
        console.log(
          `\n## ${work}: ${perSecond.toFixed(0)} per second while profiled; ${path}\n\n${await summarise(path)}`,
        );
      }
    }
  } finally {
    await stop();
  }
}
