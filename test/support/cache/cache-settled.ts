import { expect } from '@jest/globals';
import { type CacheInstance, ITEM } from './cache-rig.js';
import { soon } from '../load/soon.js';

export async function connected(...instances: CacheInstance[]): Promise<void> {
  await soon(async () => expect(instances.map(({ tier }) => tier?.isConnected)).toEqual(instances.map(() => true)));
}

/** Redis answers commands in order: after two answers, every earlier write is stored. */
export async function settled({ tier }: CacheInstance): Promise<void> {
  for (let answer = 0; answer < 2; answer += 1) await tier?.get('settled', ITEM.schema);
}
