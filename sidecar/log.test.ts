import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog, messageOf } from './log.ts';

function capture(level: 'debug' | 'warn') {
  const lines: string[] = [];
  const log = createLog({ level, write: (line) => lines.push(line), nowMs: () => 0 });
  return { log, lines };
}

describe('the log', () => {
  it('writes one JSON object a line', () => {
    const { log, lines } = capture('debug');
    log.info('started', { proxyId: 'p1', text: 'two\nlines' });
    assert.equal(
      lines[0],
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"started","proxyId":"p1","text":"two\\nlines"}\n',
    );
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = capture('warn');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).message),
      ['c', 'd'],
    );
  });

  it('shows errors with their code and stack', () => {
    const { log, lines } = capture('debug');
    log.error('failed', { error: Object.assign(new TypeError('no'), { code: 'ENO' }) });
    const { error } = JSON.parse(lines[0]!);
    assert.deepEqual([error.name, error.message, error.code], ['TypeError', 'no', 'ENO']);
    assert.match(error.stack, /log\.test/);
  });

  it('writes the message even when the fields cannot be written', () => {
    const { log, lines } = capture('debug');
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    log.info('cycle', { cycle });
    log.info('big', { value: 1n });
    assert.equal(JSON.parse(lines[0]!).message, 'cycle');
    assert.equal(JSON.parse(lines[1]!).value, '1');
  });

  it('finds a message in whatever was thrown', () => {
    assert.equal(messageOf(new Error('a')), 'a');
    assert.equal(messageOf('b'), 'b');
    assert.equal(messageOf(undefined), 'undefined');
  });
});
