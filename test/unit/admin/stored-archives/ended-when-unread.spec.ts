import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { endedWhenUnread } from '../../../../src/admin/stored-archives/export-downloads.js';

const chunks = (): Readable => Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(32_768)));
const UNREAD_MS = 60_000;

describe('a download', () => {
  it('ends, and its source with it, when its client reads nothing', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const source = chunks();
      const download = endedWhenUnread(source, UNREAD_MS);
      const failed = once(download, 'error');
      download.read(0); // fills its buffer, and nothing takes it
      await new Promise((resolve) => setImmediate(resolve));
      jest.advanceTimersByTime(2 * UNREAD_MS);
      expect(await failed).toMatchObject([{ code: 'DOWNLOAD_UNREAD' }]);
      expect(source.destroyed).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });

  it('goes on, however slowly, while its client reads', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      let bytes = 0;
      for await (const chunk of endedWhenUnread(chunks(), UNREAD_MS)) {
        bytes += (chunk as Buffer).length;
        jest.advanceTimersByTime(UNREAD_MS - 1);
      }
      expect(bytes).toBe(20 * 32_768);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});
