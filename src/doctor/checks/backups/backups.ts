import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ObjectStore } from '../../../object-store/object-store.js';
import { reasonOf } from '../../../platform/errors/reason-of.js';
import { withDeadline } from '../../../platform/timeout.js';
import type { Check, ConfigContext } from '../../diagnosis/check.js';
import { fail, type Finding, ok } from '../../diagnosis/finding.js';

const NAME = 'backups';
const TIMEOUT_MS = 30_000;

/** Checks that archives can be written, read and deleted where `BACKUP_URL` says, with a small object. */
export const backups: Check<ConfigContext> = {
  name: NAME,
  run: async ({ loaded: { config } }) => {
    const { place } = config.backups;
    if (!place) return [ok(NAME, 'not configured (BACKUP_URL)')];
    try {
      const { openObjectStore } = await import('../../../object-store/open-object-store.js');
      const store = await openObjectStore(place);
      return [await checkStore(store).finally(() => store.close())];
    } catch (error) {
      return [fail(NAME, reasonOf(error), 'correct BACKUP_URL, or the rights on what it names')];
    }
  },
};

async function checkStore(store: ObjectStore): Promise<Finding> {
  const key = `doctor/${randomUUID()}`;
  const written = async (): Promise<string> => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    await store.put(key, Readable.from([Buffer.from(key)]), { signal });
    try {
      return await text(await store.get(key, { signal }));
    } finally {
      await store.delete(key);
    }
  };
  if ((await withDeadline(written(), 2 * TIMEOUT_MS)) !== key) {
    return fail(NAME, `${store.location} returns other content than was written`, 'check the store');
  }
  return ok(NAME, `${store.location} is writable`);
}
