import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

/** In a process of its own: the test runner has handlers of its own. */
function run(body: string) {
  const script = `
    import { installLastResort } from '${new URL('./last-resort.ts', import.meta.url)}';
    import { createLog } from '${new URL('./log.ts', import.meta.url)}';
    installLastResort(createLog({ level: 'info' }), (code) => process.exit(code), Date.now);
    ${body}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

describe('an error that nobody caught', () => {
  it('is logged with its stack and does not end the process', () => {
    const { status, stdout } = run(`
      setTimeout(() => { throw new Error('one'); });
      setTimeout(() => { void Promise.reject(new Error('two')); });
      setTimeout(() => { void Promise.reject('three'); });
      setTimeout(() => console.log('still here'), 20);`);
    assert.equal(status, 0);
    assert.match(stdout, /an exception that nobody caught.*"message":"one".*"stack"/);
    assert.match(stdout, /a rejection that nobody caught.*"message":"two".*"stack"/);
    assert.match(stdout, /"error":"three"/);
    assert.match(stdout, /still here\n$/);
  });

  it('ends the process when it is one of too many', () => {
    const { status, stdout } = run('setInterval(() => { throw new Error("again"); }, 1);');
    assert.equal(status, 1);
    assert.match(stdout, /too many errors/);
  });
});
