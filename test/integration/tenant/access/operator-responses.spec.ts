import { once } from 'node:events';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, type MessageEvent, Sse } from '@nestjs/common';
import { concat, NEVER, Observable, of } from 'rxjs';
import { Operators } from '../../../../src/admin/operators/operators.js';
import { TENANTRY_ACTOR } from '../../../../src/catalog/audit/actor.js';
import { CATALOG } from '../../../../src/catalog/catalog-data-source.js';
import { ControlPlane } from '../../../../src/index.js';
import { ADAPTERS, HostApplication } from '../../../support/host/host-application.js';
import type { DataSource, EntityManager } from 'typeorm';

let listeners = 0;

@ControlPlane({ role: 'viewer' })
@Controller('board')
class BoardController {
  @Sse('events')
  events(): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      listeners += 1;
      const events = concat(of({ data: 'begun' }), NEVER).subscribe(subscriber);
      return () => {
        listeners -= 1;
        events.unsubscribe();
      };
    });
  }
}

describe.each(ADAPTERS)("an application's own stream for operators, on %s", (adapter) => {
  let host: HostApplication;

  beforeAll(async () => {
    host = await HostApplication.start({ adapter, controllers: [BoardController] });
  });

  afterAll(() => host.dispose());

  it('ends when its operator is revoked, and its handler stops', async () => {
    const operators = host.nest.get(Operators, { strict: false });
    const anna = { name: 'anna', role: 'viewer', limitedTo: null, expiresInDays: 1 } as const;
    const create = (catalog: EntityManager) => operators.create(catalog, anna, TENANTRY_ACTOR);
    const { token } = await host.nest.get<DataSource>(CATALOG, { strict: false }).transaction(create);
    const response = await host.fetch('/board/events', { headers: { authorization: `Bearer ${token}` } });
    const body = Readable.fromWeb(response.body as never);
    const [first] = (await once(body, 'data')) as [Buffer];
    expect([response.status, String(first), listeners]).toEqual([200, expect.stringContaining('begun'), 1]);
    await operators.revoke('anna', TENANTRY_ACTOR);
    await expect(once(body.resume(), 'end')).rejects.toThrow('terminated');
    expect(listeners).toBe(0);
  });
});
