import { describe, expect, it } from '@jest/globals';
import { MemoryValues } from '../../../../src/cache/values/memory-values.js';
import { StoppedClock } from '../../../support/cache/cache-rig.js';

const LATER = 1_000;
const of = (text: string) => ({ text, expiresAt: LATER });

function valuesOf(limits: { readonly maxEntriesPerNamespace?: number; readonly maxBytes?: number } = {}) {
  const clock = new StoppedClock();
  const memory = new MemoryValues({ maxEntriesPerNamespace: 100, maxBytes: 1_000_000, ...limits }, clock.now);
  const textsOf = (namespace: string, keys: readonly string[]) => keys.map((key) => memory.get(namespace, key)?.text);
  return { clock, memory, textsOf };
}

describe('values in memory', () => {
  it('are returned until they expire', () => {
    const { memory, clock } = valuesOf();
    memory.set('a', 'k', of('1'));
    clock.advance(LATER - 1);
    expect(memory.get('a', 'k')?.text).toBe('1');
    clock.advance(1);
    expect(memory.get('a', 'k')).toBeUndefined();
  });

  it('of one namespace are at most as many as allowed: the least recently used goes, and no other namespace is touched', () => {
    const { memory, textsOf } = valuesOf({ maxEntriesPerNamespace: 2 });
    memory.set('b', 'k1', of('theirs'));
    for (const key of ['k1', 'k2']) memory.set('a', key, of(key));
    memory.get('a', 'k1');
    memory.set('a', 'k3', of('k3'));
    expect(textsOf('a', ['k1', 'k2', 'k3'])).toEqual(['k1', undefined, 'k3']);
    expect(textsOf('b', ['k1'])).toEqual(['theirs']);
  });

  it('of one namespace take a quarter of the memory at most', () => {
    const { memory, textsOf } = valuesOf({ maxBytes: 40_000 });
    const large = 'x'.repeat(4_000);
    for (const key of ['k1', 'k2', 'k3']) memory.set('a', key, of(large));
    expect(textsOf('a', ['k1', 'k2', 'k3'])).toEqual([undefined, large, large]);
    memory.set('a', 'k4', of('x'.repeat(10_001)));
    expect(textsOf('a', ['k3', 'k4'])).toEqual([large, undefined]);
  });

  it('take no more memory in all than allowed: the namespace that has not changed for longest goes', () => {
    const { memory, textsOf } = valuesOf({ maxBytes: 40_000 });
    const large = 'x'.repeat(8_000);
    for (const namespace of ['a', 'b', 'c', 'd', 'a', 'e']) memory.set(namespace, 'k', of(large));
    expect(['a', 'b', 'c', 'd', 'e'].map((namespace) => textsOf(namespace, ['k'])[0] === large)).toEqual([
      true,
      false,
      true,
      true,
      true,
    ]);
  });

  it('give back the memory of what is deleted, replaced or cleared', () => {
    const { memory, textsOf } = valuesOf({ maxBytes: 40_000 });
    const large = 'x'.repeat(8_000);
    memory.set('kept', 'k', of(large));
    for (let round = 0; round < 20; round += 1) {
      memory.set('a', 'k', of(large));
      memory.set('a', 'k', of(large));
      memory.delete('a', 'k');
      memory.set('b', 'k', of(large));
      memory.clear('b');
    }
    expect(textsOf('kept', ['k'])).toEqual([large]);
    memory.clearAll();
    expect(textsOf('kept', ['k'])).toEqual([undefined]);
  });
});
