import { expect, it } from '@jest/globals';
import { OpenResources } from '../../../../src/platform/start/open-resources.js';

it('a step that fails closes everything that is open, the last first, before its error is thrown', async () => {
  const closed: string[] = [];
  const resources = new OpenResources();
  resources.add(() => closed.push('first'));
  resources.add(async () => closed.push('second'));
  await expect(resources.during(() => Promise.reject(new Error('no pooler')))).rejects.toThrow('no pooler');
  expect(closed).toEqual(['second', 'first']);
});

it('an error while closing neither hides that of the step nor keeps the others open', async () => {
  const closed: string[] = [];
  const resources = new OpenResources();
  resources.add(() => closed.push('other'));
  resources.add(() => Promise.reject(new Error('cannot be closed')));
  await expect(resources.during(() => Promise.reject(new Error('no pooler')))).rejects.toThrow('no pooler');
  expect(closed).toEqual(['other']);
});

it('what is opened after the start has failed is closed at once', async () => {
  const closed: string[] = [];
  const resources = new OpenResources();
  await resources.closeAll();
  resources.add(() => closed.push('late'));
  expect(closed).toEqual(['late']);
});

it('nothing is closed while the start succeeds', async () => {
  const closed: string[] = [];
  const resources = new OpenResources();
  resources.add(() => closed.push('open'));
  expect(await resources.during(async () => 'started')).toBe('started');
  expect(closed).toEqual([]);
});
