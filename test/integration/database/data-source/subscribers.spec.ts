import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type DataSource,
  type EntityManager,
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  type RemoveEvent,
  type TransactionCommitEvent,
  type UpdateEvent,
} from 'typeorm';
import { dataSourceOf } from '../../../../src/platform/postgres/typeorm-versions.js';
import { Author, Note } from '../../../support/data-source/library.entities.js';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';

interface Seen {
  readonly what: string;
  readonly owner?: string | undefined;
  readonly event: { readonly connection: DataSource; readonly manager: EntityManager };
}

const seen: Seen[] = [];

/** Made once for all tenants; what it does goes where the event says. */
@EventSubscriber()
class NoteSubscriber implements EntitySubscriberInterface<Note> {
  listenTo(): typeof Note {
    return Note;
  }

  async afterInsert(event: InsertEvent<Note>): Promise<void> {
    seen.push({ what: 'insert', owner: event.entity.owner, event });
    const { owner } = event.entity;
    await event.manager.save(Author, { owner, name: `follows ${event.entity.text}`, address: { city: 'C' } });
  }

  afterUpdate(event: UpdateEvent<Note>): void {
    seen.push({ what: 'update', owner: event.databaseEntity.owner, event });
  }

  beforeRemove(event: RemoveEvent<Note>): void {
    seen.push({ what: 'remove', owner: event.databaseEntity.owner, event });
  }

  afterTransactionCommit(event: TransactionCommitEvent): void {
    seen.push({ what: 'commit', event });
  }
}

let tenants: TestTenants;

beforeAll(async () => {
  tenants = await TestTenants.create({ subscribers: [NoteSubscriber] });
});
beforeEach(() => void seen.splice(0));
afterEach(async () => {
  await tenants.expectRowsWithTheirOwners();
  await tenants.expectNothingHeld();
  await tenants.empty();
});
afterAll(() => tenants.close());

function seenBy({ dataSource }: TestTenant): readonly Seen[] {
  return seen.filter(({ event }) => dataSourceOf(event) === dataSource);
}

async function live({ name: owner, dataSource }: TestTenant): Promise<void> {
  const notes = dataSource.getRepository(Note);
  const note = await notes.save(notes.create({ owner, text: `of ${owner}` }));
  note.text = 'changed';
  await notes.save(note);
  await notes.remove(note);
}

describe('subscribers over the shared graph', () => {
  it("receive the tenant's data source, connection and manager, never the template's", async () => {
    await tenants.each(live);
    for (const tenant of tenants.all) {
      const events = seenBy(tenant);
      const commits = events.filter(({ what }) => what === 'commit');
      expect(commits).toHaveLength(3);
      const own = events.filter(({ what }) => what !== 'commit');
      expect(own.map(({ what, owner }) => [what, owner])).toEqual(
        ['insert', 'update', 'remove'].map((what) => [what, tenant.name]),
      );
      for (const { event } of events) {
        expect(event.connection).toBe(tenant.dataSource);
        expect(dataSourceOf(event.manager)).toBe(tenant.dataSource);
      }
    }
    expect(seen).toHaveLength(tenants.all.length * 6);
  });

  it('write in the transaction of the event', async () => {
    await tenants.each(async ({ name, dataSource }) => {
      await dataSource.manager.save(dataSource.manager.create(Note, { owner: name, text: 'x' }));
      const failing = dataSource.transaction(async (manager) => {
        await manager.save(manager.create(Note, { owner: name, text: 'y' }));
        throw new Error('undone');
      });
      await expect(failing).rejects.toThrow('undone');
      expect(await dataSource.manager.find(Author)).toMatchObject([{ owner: name, name: 'follows x' }]);
    });
  });

  it('cannot be added by one tenant for all', () => {
    const { dataSource } = tenants.named('acme');
    expect(() => dataSource.subscribers.push(new NoteSubscriber())).toThrow(TypeError);
  });
});
