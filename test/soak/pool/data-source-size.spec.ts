import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { buildTemplate, offlineDataSource } from '../../support/data-source/offline-data-source.js';

/** In bytes. Collects until nothing more is freed: what other specs have left may take several rounds, which finalizers end. */
async function heapInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let last = Infinity; ;) {
    collect();
    await setImmediate();
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > last * 0.999) return heapUsed;
    last = heapUsed;
  }
}

it('tenant data sources take at most 4 KB each, for 30 entities as for one', async () => {
  for (const entityCount of [1, 30]) {
    const template = await buildTemplate(entityCount);
    const kept = Array.from({ length: 2000 }, (): DataSource | undefined => undefined);
    offlineDataSource(template);
    const before = await heapInUse();
    for (let n = 0; n < kept.length; n++) kept[n] = offlineDataSource(template);
    const kb = ((await heapInUse()) - before) / 1024 / kept.length;
    expect(kb).toBeLessThanOrEqual(4);
    expect(kb).toBeGreaterThan(0.2); // less: nothing was measured
    expect(kept.at(-1)?.isInitialized).toBe(true);
  }
});
