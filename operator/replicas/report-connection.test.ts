import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Leaf } from '../identity/authority.ts';
import { StreamFixture } from '../testing/stream-fixture.ts';
import { until } from '../testing/until.ts';
import { ReportConnection } from './report-connection.ts';

const OPERATOR = 'spiffe://cluster.local/ns/weft-system/sa/weft-operator';

describe('a follower', () => {
  let fixture: StreamFixture;
  let own: Leaf;
  before(async () => {
    fixture = await StreamFixture.start();
    own = await fixture.leafOf(OPERATOR, 'weft-operator.weft-system.svc');
    fixture.acks.connected('shop/web', { hash: 'c', policies: {} });
    fixture.acks.sent('shop/web', 'shop/pay:80', { hash: 'd', policies: {} });
  });
  after(() => fixture.stop());

  function report(name: string) {
    const ended: string[] = [];
    const { acks, authority, clock, address } = fixture;
    const connection = new ReportConnection({
      ...{ host: '127.0.0.1', port: address.port, name, acks, authority, clock },
      ...{ leaf: own, trustDomain: 'cluster.local', operatorSpiffeId: OPERATOR },
      onClose: (reason) => ended.push(reason),
    });
    return { connection, ended };
  }

  it('tells everything it has, then what changes, as it is when it is told', async () => {
    const { connection } = report('b');
    await until(() => fixture.reports.hasReplayed('b'));
    assert.deepEqual([...fixture.reports.get('shop/web')!.destinations.keys()], ['shop/pay:80']);
    for (let count = 0; count < 100; count++) {
      fixture.acks.acked('shop/web', 'shop/pay:80', { hash: `d${count}`, policies: {} });
      connection.changed('shop/web', 'shop/pay:80');
    }
    await fixture.clock.advance(50);
    const held = () => fixture.reports.get('shop/web')?.destinations.get('shop/pay:80');
    await until(() => held()?.acked?.hash === 'd99');
    fixture.acks.forget('shop/web');
    connection.changed('shop/web', undefined);
    await fixture.clock.advance(50);
    await until(() => fixture.reports.get('shop/web') === undefined);
    connection.close('done');
  });

  it('says nothing to what is not the operator, though its certificate is good', async () => {
    fixture.server.renew(fixture.authority, await fixture.leafOf());
    const { ended } = report('c');
    await until(() => ended.length > 0);
    assert.match(ended[0]!, /not an operator/);
    assert.equal(fixture.reports.hasReplayed('c'), false);
  });
});
