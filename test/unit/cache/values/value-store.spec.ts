import { describe, expect, it } from '@jest/globals';
import { MemoryValues } from '../../../../src/cache/values/memory-values.js';
import { ValueStore } from '../../../../src/cache/values/value-store.js';
import { StoppedClock } from '../../../support/cache/cache-rig.js';

function storeOf() {
  const clock = new StoppedClock();
  const memory = new MemoryValues({ maxEntriesPerNamespace: 100, maxBytes: 1_000_000 }, clock.now);
  const store = new ValueStore(memory, undefined, clock.now);
  store.feedRestored();
  return { clock, store };
}

/** A source that counts its loads, and can be held. */
class Source {
  loads = 0;
  text: string | undefined = 'first';
  private gate: Promise<void> | undefined;
  private open: (() => void) | undefined;

  hold(): void {
    this.gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  release(): void {
    this.open?.();
  }

  readonly source = {
    load: async (): Promise<string | undefined> => {
      this.loads += 1;
      const { text } = this;
      await this.gate;
      return text;
    },
    ttlMs: 60_000,
  };
}

describe('a store of values in memory', () => {
  it('loads a value once, also for concurrent readers, and keeps it for its time', async () => {
    const { store, clock } = storeOf();
    const origin = new Source();
    const read = () => store.read('a', 'k', origin.source);
    expect(await Promise.all([read(), read(), store.read('b', 'k', new Source().source)])).toEqual([
      'first',
      'first',
      'first',
    ]);
    clock.advance(59_999);
    expect([await read(), origin.loads]).toEqual(['first', 1]);
    clock.advance(1);
    expect([await read(), origin.loads]).toEqual(['first', 2]);
  });

  it('does not hold later readers for a load that never ends', async () => {
    const { store, clock } = storeOf();
    const stuck = new Source();
    stuck.hold();
    void store.read('a', 'k', stuck.source);
    clock.advance(30_000);
    expect(await store.read('a', 'k', new Source().source)).toBe('first');
    expect(stuck.loads).toBe(1);
  });

  it('does not keep what the source does not have, or fails to load', async () => {
    const { store } = storeOf();
    const origin = new Source();
    origin.text = undefined;
    expect([await store.read('a', 'k', origin.source), await store.read('a', 'k', origin.source)]).toEqual([
      undefined,
      undefined,
    ]);
    const failing = { load: () => Promise.reject(new Error('no database')), ttlMs: 1_000 };
    await expect(store.read('a', 'k', failing)).rejects.toThrow('no database');
    origin.text = 'second';
    expect(await store.read('a', 'k', origin.source)).toBe('second');
  });

  it.each([
    ['is deleted', (store: ValueStore) => store.delete('a', ['k'])],
    ['is cleared with its namespace', (store: ValueStore) => store.clear('a')],
    ['is announced to have changed', async (store: ValueStore) => store.changed({ namespace: 'a', keys: ['k'] })],
    ['is announced to be cleared', async (store: ValueStore) => store.changed({ namespace: 'a', keys: 'all' })],
    ['may have changed while the feed was lost', async (store: ValueStore) => store.feedRestored()],
  ])(
    'a value that %s meanwhile goes to the readers that waited for it, and is loaded again for later ones',
    async (_, change) => {
      const { store } = storeOf();
      const origin = new Source();
      origin.hold();
      const early = store.read('a', 'k', origin.source);
      await change(store);
      const changed = new Source();
      changed.text = 'second';
      expect(await store.read('a', 'k', changed.source)).toBe('second');
      origin.release();
      const later = [await early, await store.read('a', 'k', origin.source), await store.read('a', 'k')];
      expect(later).toEqual(['first', 'second', 'second']);
      expect([origin.loads, changed.loads]).toEqual([1, 1]);
    },
  );

  it.each([
    ['another key', { namespace: 'a', keys: ['other'] }],
    ['another namespace', { namespace: 'b', keys: 'all' as const }],
  ])('a change of %s touches neither a value nor a load of it', async (_, change) => {
    const { store } = storeOf();
    const origin = new Source();
    await store.set('a', 'held', 'kept', 60_000);
    origin.hold();
    const loading = store.read('a', 'k', origin.source);
    store.changed(change);
    origin.release();
    await loading;
    expect([await store.read('a', 'k'), await store.read('a', 'held')]).toEqual(['first', 'kept']);
  });

  it('uses a value for a quarter of a second only while changes may be missed', async () => {
    const { store, clock } = storeOf();
    await store.set('a', 'k', 'before', 60_000);
    store.feedLost();
    expect(await store.read('a', 'k')).toBeUndefined();
    await store.set('a', 'k', 'text', 60_000);
    clock.advance(249);
    expect(await store.read('a', 'k')).toBe('text');
    clock.advance(1);
    expect(await store.read('a', 'k')).toBeUndefined();
  });
});
