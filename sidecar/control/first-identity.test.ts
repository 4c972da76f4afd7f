import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import {
  createTestAuthority,
  OPERATOR_ID,
  type TestAuthority,
  WORKLOAD_ID,
} from '../../test/fixtures/certificate-authority.ts';
import { createLog } from '../log.ts';
import { systemClock } from './clock.ts';
import { eventually, proxyConfig, temporaryFolder } from './control.fixture.ts';
import { TestControlPlane } from './control-plane.fixture.ts';
import type { ControlPlaneTarget } from './dial.ts';
import { FirstIdentity, type FirstIdentityAnswer } from './first-identity.ts';

const TOKEN = 'header.payload.signature';
let authority: TestAuthority;
before(async () => {
  authority = await createTestAuthority();
});

async function asker(t: TestContext, port: number, onAnswer?: (answer: FirstIdentityAnswer) => void) {
  const tokenFile = join(await temporaryFolder(t), 'token');
  await writeFile(tokenFile, `${TOKEN}\n`);
  const answers: FirstIdentityAnswer[] = [];
  const logs: string[] = [];
  const target: ControlPlaneTarget = {
    ...{ host: '127.0.0.1', port, spiffeId: OPERATOR_ID, trustBundle: authority.root, client: undefined },
  };
  const options = { target: target as ControlPlaneTarget | undefined };
  const first = new FirstIdentity({
    ...{ proxyId: 'p1', tokenFile, clock: systemClock, random: () => 0.01 },
    target: () => options.target,
    onAnswer: onAnswer ?? ((answer) => answers.push(answer)),
    log: createLog({ level: 'debug', write: (line) => logs.push(line) }),
  });
  t.after(() => first.stop());
  return { first, answers, logs, tokenFile, options };
}

const lines = (...messages: unknown[]) => messages.map((message) => `${JSON.stringify(message)}\n`).join('');

describe('the first identity', () => {
  it('is asked for with the token and the proxy id, and comes with the configuration', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const identity = { type: 'identity', ...(await authority.issue()), trustBundle: authority.root };
    const asked: [string, string | undefined][] = [];
    plane.identityAnswer = (body, headers) => {
      asked.push([body, headers.authorization]);
      return { status: 200, text: lines(identity, { type: 'config', config: proxyConfig() }) };
    };
    const { first, answers } = await asker(t, plane.port);
    first.start();
    await eventually('it is answered', () => answers.length === 1);
    assert.deepEqual(asked, [['{"proxyId":"p1"}', `Bearer ${TOKEN}`]]);
    assert.deepEqual(answers[0]?.identity, identity);
    assert.equal(answers[0]?.config?.config.proxyId, 'p1');
    assert.equal(first.reason, undefined);
  });

  it('is asked for again until it is given, and says why it has not been', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    const identity = { type: 'identity', ...(await authority.issue()), trustBundle: authority.root };
    const replies = [
      { status: 503, text: '' },
      { status: 403, text: lines({ type: 'error', code: 'forbidden', message: 'not this pod' }) },
      { status: 200, text: '' },
      { status: 200, text: 'garbage' },
      { status: 200, text: lines(null, 1, { type: 'config' }) },
      { status: 200, text: '{}\n'.repeat(17) },
      { status: 200, text: lines(identity) },
    ];
    plane.identityAnswer = () => replies.shift()!;
    const { first, answers, logs } = await asker(t, plane.port);
    first.start();
    await eventually('it is given', () => answers.length === 1);
    const reasons = logs.map((line) => (JSON.parse(line) as { reason: string }).reason);
    assert.deepEqual(reasons, [
      'the control plane answered 503',
      'forbidden: not this pod',
      'the answer holds no identity',
      'not valid JSON (7 characters)',
      'the answer holds no identity',
      'the answer has too many lines',
    ]);
    assert.equal(answers[0]?.config, undefined);
  });

  it('is asked for again when what was given is of no use', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    plane.identityAnswer = () => ({ status: 200, text: lines({ type: 'identity' }) });
    let answers = 0;
    const { first } = await asker(t, plane.port, () => {
      answers += 1;
      if (answers < 3) throw new Error('of no use');
    });
    first.start();
    await eventually('it was asked for three times', () => answers === 3);
  });

  it('is not asked of a server that is another workload: the token stays here', async (t) => {
    const plane = await TestControlPlane.start(t, authority, { spiffeId: WORKLOAD_ID });
    let asked = 0;
    plane.identityAnswer = () => {
      asked += 1;
      return { status: 200, text: '' };
    };
    const { first, logs } = await asker(t, plane.port);
    first.start();
    await eventually('it failed', () => logs.length >= 2);
    assert.match(first.reason ?? '', /sa\/web, not/);
    assert.equal(asked, 0);
    assert.ok(!logs.join('').includes(TOKEN));
  });

  it('waits for a token and for knowing whom to ask', async (t) => {
    const plane = await TestControlPlane.start(t, authority);
    plane.identityAnswer = () => ({ status: 200, text: lines({ type: 'identity' }) });
    const { first, answers, logs, tokenFile, options } = await asker(t, plane.port);
    const { target } = options;
    options.target = undefined;
    await rm(tokenFile);
    first.start();
    await eventually('it does not know whom', () => /which control plane/.test(first.reason ?? ''));
    options.target = target;
    await eventually('it has no token', () => first.reason === 'the token cannot be read: ENOENT');
    await writeFile(tokenFile, 'two words');
    await eventually('it has a bad token', () => first.reason === 'the token file holds no token');
    await writeFile(tokenFile, TOKEN);
    await eventually('it is answered', () => answers.length === 1);
    assert.ok(!logs.join('').includes('two words'));
  });

  it('is not asked for any more after stop', async (t) => {
    const { first, logs } = await asker(t, 1);
    first.start();
    await eventually('it failed', () => logs.length >= 1);
    first.stop();
    const count = logs.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(logs.length, count);
    assert.equal(first.reason, undefined);
  });
});
