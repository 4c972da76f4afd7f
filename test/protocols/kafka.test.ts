import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { runOk } from '../cluster/command.ts';
import { goBinary, withoutGo } from '../conformance/go-binary.ts';
import { type Undeclared, undeclared } from './undeclared.fixture.ts';

const DIRECTORY = new URL('kafka/', import.meta.url);

describe('Kafka (franz-go: its client, and its broker for tests)', { skip: withoutGo() ?? false }, () => {
  let program: string;
  let broker: ChildProcess;
  let mesh: Undeclared;

  before(async () => {
    program = await goBinary('kafka', DIRECTORY, ['go.mod', 'go.sum', 'main.go']);
    broker = spawn(program, ['broker'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [port] = (await once(createInterface(broker.stdout!), 'line')) as [string];
    mesh = await undeclared(Number(port));
  });
  after(async () => {
    await mesh?.stop();
    if (broker === undefined) return;
    const exited = once(broker, 'exit');
    broker.stdin!.end();
    await exited;
  });

  it('takes records and hands them out in order, with no connection more at the broker than clients opened', async () => {
    const said = await runOk(program, ['client', `127.0.0.1:${mesh.port}`]);
    assert.deepEqual(JSON.parse(said), { read: 200 });
    const { byClients, atServer } = mesh.opened();
    assert.ok(byClients > 0);
    assert.equal(atServer, byClients);
  });
});
