import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog, SILENT } from '../log.ts';
import type { DestinationTable, Identity } from '../proxy-state.ts';
import { proxyConfig } from './control.fixture.ts';
import { AppliedState } from './proxy-state.ts';

const NO_DESTINATIONS: DestinationTable = { resolve: () => {}, onChange: () => {}, keepWhile: () => {} };
const config = (hash: string) => proxyConfig({ version: { hash, policies: {} } });
const identity = (spiffeId: string) => ({ spiffeId }) as Identity;

describe('what is in force', () => {
  it('swaps all parts after all have prepared', () => {
    const state = new AppliedState(NO_DESTINATIONS, SILENT);
    const steps: string[] = [];
    for (const part of ['a', 'b']) {
      state.onConfig(({ version }) => {
        steps.push(`prepare ${part} ${version.hash}`);
        return () => steps.push(`swap ${part} ${state.config?.version.hash}`);
      });
    }
    assert.deepEqual(state.applyConfig(config('h1')), { ok: true });
    assert.deepEqual(steps, ['prepare a h1', 'prepare b h1', 'swap a h1', 'swap b h1']);
  });

  it('swaps none when any part cannot prepare, and says why', () => {
    const state = new AppliedState(NO_DESTINATIONS, SILENT);
    const swapped: string[] = [];
    state.onConfig((next) => () => swapped.push(next.version.hash));
    state.onConfig((next) => {
      if (next.version.hash === 'bad') throw new Error('no such thing');
      return () => swapped.push(next.version.hash);
    });
    state.applyConfig(config('h1'));
    assert.deepEqual(state.applyConfig(config('bad')), { ok: false, reason: 'no such thing' });
    assert.deepEqual(swapped, ['h1', 'h1']);
    assert.equal(state.config?.version.hash, 'h1');
  });

  it('tells a part that registers late at once', () => {
    const state = new AppliedState(NO_DESTINATIONS, SILENT);
    state.applyConfig(config('h1'));
    state.applyIdentity(identity('x'));
    const told: string[] = [];
    state.onConfig((next) => () => told.push(next.version.hash));
    state.onIdentity((next) => told.push(next.spiffeId));
    assert.deepEqual(told, ['h1', 'x']);
  });

  it('lets the others swap when one fails to, and logs the defect', () => {
    const lines: string[] = [];
    const state = new AppliedState(
      NO_DESTINATIONS,
      createLog({ level: 'info', write: (l) => lines.push(l) }),
    );
    const swapped: string[] = [];
    state.onConfig(() => () => {
      throw new Error('defect');
    });
    state.onConfig((next) => () => swapped.push(next.version.hash));
    state.onIdentity(() => {
      throw new Error('defect too');
    });
    state.onIdentity((next) => swapped.push(next.spiffeId));
    state.applyConfig(config('h1'));
    state.applyIdentity(identity('x'));
    assert.deepEqual(swapped, ['h1', 'x']);
    assert.match(lines.join(''), /defect.*\n.*defect too/);
  });
});
