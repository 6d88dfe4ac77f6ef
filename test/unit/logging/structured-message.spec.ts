import { describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { pino } from 'pino';
import { NestLog } from '../../../src/logging/nest-log.js';
import { StructuredMessage } from '../../../src/logging/structured-message.js';

const MESSAGE = new StructuredMessage('GET /notes failed', { request: { id: 'a\nb' }, database: { code: '22P02' } });

describe('a message with fields', () => {
  it.each(['error', 'warn'] as const)('is one line of JSON with these fields, as %s', (level) => {
    const lines: string[] = [];
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    new NestLog(pino({}, output))[level](MESSAGE, 'Http');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { context: 'Http', msg: 'GET /notes failed', request: { id: 'a\nb' }, database: { code: '22P02' } },
    ]);
  });

  it('is text in any other logger, where no value can begin a line', () => {
    const text = 'GET /notes failed\n  request: {"id":"a\\nb"}\n  database: {"code":"22P02"}';
    expect([String(MESSAGE), inspect(MESSAGE)]).toEqual([text, text]);
  });
});
