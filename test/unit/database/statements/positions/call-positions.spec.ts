import { expect, it } from '@jest/globals';
import { CallPositions } from '../../../../../src/database/statements/positions/call-positions.js';

const AT_1 = { serverId: 'a', timeline: 1, lsn: 1n };

it('a read of a call whose position was not answered has written nothing', () => {
  const positions = new CallPositions('acme');
  positions.onPositionOfRead(undefined, 'a');
  expect(positions.required).toBeUndefined();
  positions.onPositionOfRead('00000001 0/1', 'a');
  expect(positions.required).toEqual(AT_1);
});

it('a client is given no position any more once a write of its call has an unknown outcome', () => {
  const positions = new CallPositions('acme');
  const given: unknown[] = [];
  positions.attach(
    () => 'unreadable',
    (position) => given.push(position),
  );
  positions.onPositionOfRead('00000001 0/1', 'a');
  positions.onPosition(undefined, 'a');
  positions.onPosition('00000001 0/2', 'a');
  positions.onPositionOfRead('00000001 0/3', 'a');
  expect(given).toEqual([AT_1, 'unknown']);
});
