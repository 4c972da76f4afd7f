import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { LOG_FORMAT } from './log-format.ts';

describe('a line of the log', () => {
  it('is one object with the level as a word, the time as RFC 3339 has it, and the message', () => {
    const lines: string[] = [];
    const log = pino(LOG_FORMAT, { write: (line: string) => void lines.push(line) });
    log.warn({ policy: 'shop/a' }, 'a policy was removed');
    const { time, ...rest } = JSON.parse(lines[0]!);
    assert.deepEqual(rest, { level: 'warn', policy: 'shop/a', message: 'a policy was removed' });
    assert.equal(new Date(time).toISOString(), time);
  });
});
