import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PROXY_UID } from '../../api/names.ts';
import type { Answer } from './agent.ts';
import { type Agent, connectNamespaces, Namespace } from './namespace.ts';
import { obstacle } from './obstacle.ts';

const APP_UID = 1000;
const MAIN = new URL('../../init/main.ts', import.meta.url).href;
const START = `import(${JSON.stringify(MAIN)}).then((m) => m.main([]))`;
/** What the injector's securityContext leaves of root. */
const CAPABILITIES = '-all,+net_admin,+net_raw';
const AS_INJECTED = [`--bounding-set=${CAPABILITIES}`, `--inh-caps=${CAPABILITIES}`, '--no-new-privs', '--'];

const FAMILIES = {
  IPv4: { pod: '10.66.0.5', peer: '10.66.0.9', far: '10.9.8.7', skipped: '10.77.0.9', loopback: '127.0.0.1' },
  IPv6: {
    pod: '2001:db8:66::5',
    peer: '2001:db8:66::9',
    far: '2001:db8:98::7',
    skipped: '2001:db8:77::9',
    loopback: '::1',
  },
} as const;
const ANY = { IPv4: '0.0.0.0', IPv6: '::' } as const;
const SOURCE = { IPv4: '127.0.0.6', IPv6: '::6' } as const;
const INIT_ENV = {
  WEFT_SKIP_INBOUND_PORTS: '9092',
  WEFT_SKIP_OUTBOUND_PORTS: '3306',
  WEFT_SKIP_OUTBOUND_CIDRS: '10.77.0.0/16,2001:db8:77::/48',
};

const reason = obstacle();

for (const backend of ['nft', 'legacy'] as const) {
  describe(`redirection with iptables (${backend})`, { skip: reason }, () => {
    let pod: Namespace;
    let peer: Namespace;
    let app: Agent;
    let proxy: Agent;

    const runInit = (env: Record<string, string> = {}) =>
      pod.run('setpriv', [...AS_INJECTED, process.execPath, '-e', START], {
        ...INIT_ENV,
        WEFT_IPTABLES_BACKEND: backend,
        ...env,
      });
    const saveRules = async (name: string = backend) =>
      (await Promise.all([pod.run(`iptables-${name}-save`, []), pod.run(`ip6tables-${name}-save`, [])]))
        .join('\n')
        .split('\n')
        .filter((line) => line.startsWith('-A'));

    before(async () => {
      pod = new Namespace();
      peer = new Namespace();
      await Promise.all([pod.ready(), peer.ready()]);
      await connectNamespaces(pod, peer);
      await configureAddresses(pod, peer);
      await runInit();
      app = pod.agent(APP_UID);
      proxy = pod.agent(PROXY_UID);
      await startListeners(pod, peer);
    });
    after(async () => {
      await Promise.all([pod?.stop(), peer?.stop()]);
    });

    for (const family of ['IPv4', 'IPv6'] as const) {
      const { pod: podIp, peer: peerIp, far, skipped, loopback } = FAMILIES[family];
      const source = SOURCE[family];

      describe(family, () => {
        it('brings what the app sends anywhere to the outbound listener', async () => {
          const answer = await app.ask({ dial: { host: far, port: 9999 } });
          expectGreeting(answer, 'outbound', hostPort(far, 9999));
          expectGreeting(
            await app.ask({ dial: { host: peerIp, port: 9999 } }),
            'outbound',
            hostPort(peerIp, 9999),
          );
        });

        it('brings what root sends to the outbound listener too', async () => {
          expectGreeting(
            await pod.first.ask({ dial: { host: far, port: 80 } }),
            'outbound',
            hostPort(far, 80),
          );
        });

        it('lets what the proxy sends elsewhere go its way', async () => {
          expectGreeting(await proxy.ask({ dial: { host: peerIp, port: 9999 } }), 'peer');
        });

        it('lets skipped ports and ranges go their way, and no other', async () => {
          expectGreeting(await app.ask({ dial: { host: peerIp, port: 3306 } }), 'peer');
          expectGreeting(await app.ask({ dial: { host: skipped, port: 9999 } }), 'peer');
          const answer = await app.ask({ dial: { host: peerIp, port: 9092 } });
          expectGreeting(answer, 'outbound', hostPort(peerIp, 9092));
        });

        it('leaves the containers of a pod alone among themselves', async () => {
          expectGreeting(await app.ask({ dial: { host: loopback, port: 8080 } }), 'app');
          expectGreeting(await app.ask({ dial: { host: podIp, port: 8080 } }), 'app');
        });

        it('brings what comes from elsewhere to the inbound listener', async () => {
          const answer = await peer.first.ask({ dial: { host: podIp, port: 8080 } });
          expectGreeting(answer, 'inbound', hostPort(podIp, 8080));
          assert.equal('from' in answer && answer.from, peerIp);
          const closed = await peer.first.ask({ dial: { host: podIp, port: 4 } });
          expectGreeting(closed, 'inbound', hostPort(podIp, 4));
        });

        it('leaves Weft’s own ports and skipped ports inbound alone', async () => {
          expectGreeting(await peer.first.ask({ dial: { host: podIp, port: 15020 } }), 'admin');
          expectGreeting(await peer.first.ask({ dial: { host: podIp, port: 9092 } }), 'app');
          const outbound = await peer.first.ask({ dial: { host: podIp, port: 15001 } });
          assert.deepEqual(outbound, { error: 'ECONNREFUSED' });
        });

        it('lets the proxy reach its app from the exempted source', async () => {
          const answer = await proxy.ask({ dial: { host: podIp, port: 8080, localAddress: source } });
          expectGreeting(answer, 'app');
          assert.equal('from' in answer && answer.from, source);
          const local = await proxy.ask({ dial: { host: loopback, port: 8080 } });
          expectGreeting(local, 'app');
        });

        it('brings a pod’s call to itself back in through the inbound listener', async () => {
          const answer = await proxy.ask({ dial: { host: podIp, port: 8080 } });
          expectGreeting(answer, 'inbound', hostPort(podIp, 8080));
          expectGreeting(await proxy.ask({ dial: { host: podIp, port: 9092 } }), 'app');
        });
      });
    }

    for (const family of ['IPv4', 'IPv6'] as const) {
      it(`lets a connection of the app wait for the next sidecar, and refuses callers at once (${family})`, async () => {
        const { far, pod: podIp, loopback } = FAMILIES[family];
        const any = ANY[family];
        const dial = { dial: { host: far, port: 9999 } };
        for (const address of [hostPort(loopback, 15001), hostPort(any, 15006)]) {
          assert.deepEqual(await pod.first.ask({ close: address }), { closed: address });
        }
        const refused = await peer.first.ask({ dial: { host: podIp, port: 8080 } });
        assert.deepEqual(refused, { error: 'ECONNREFUSED' });
        const waiting = app.ask(dial);
        assert.equal(await Promise.race([waiting, delay(300, 'waits')]), 'waits');
        await open(pod.first, family, 'cuts', loopback, 15001);
        assert.deepEqual(await waiting, { error: 'ECONNRESET' }, 'what was accepted can be cut');
        await pod.first.ask({ close: hostPort(loopback, 15001) });
        await open(pod.first, family, 'outbound', loopback, 15001);
        await open(pod.first, family, 'inbound', any, 15006);
        expectGreeting(await app.ask(dial), 'outbound', hostPort(far, 9999));
      });
    }

    it('has the same rules after it ran again, whichever way its backend is chosen', async () => {
      const first = await saveRules();
      assert.equal(first.length, 2 * 14);
      await runInit();
      assert.deepEqual(await saveRules(), first);
      const output = await runInit({ WEFT_IPTABLES_BACKEND: 'auto' });
      assert.match(output, new RegExp(`"IPv4","backend":"${backend}"`));
      assert.deepEqual(await saveRules(), first);
    });

    it('keeps rules of others, and moves its own when told to use the other backend', async () => {
      const other = backend === 'nft' ? 'legacy' : 'nft';
      const foreign = '-A OUTPUT -d 127.0.0.11/32 -p tcp -j RETURN';
      await pod.run(`iptables-${backend}`, ['-t', 'nat', ...foreign.split(' ')]);
      await runInit({ WEFT_IPTABLES_BACKEND: other });
      assert.deepEqual(await saveRules(), [foreign]);
      assert.equal((await saveRules(other)).length, 2 * 14);
      await runInit();
      assert.equal((await saveRules()).filter((rule) => rule === foreign).length, 1);
      assert.deepEqual(await saveRules(other), []);
      const { far } = FAMILIES.IPv4;
      expectGreeting(await app.ask({ dial: { host: far, port: 9999 } }), 'outbound', `${far}:9999`);
    });
  });
}

async function configureAddresses(pod: Namespace, peer: Namespace): Promise<void> {
  for (const { pod: podIp, peer: peerIp, skipped } of Object.values(FAMILIES)) {
    const six = podIp.includes(':');
    const family = six ? '-6' : '-4';
    const length = six ? 64 : 24;
    const noDad = six ? ['nodad'] : [];
    await pod.run('ip', [family, 'addr', 'add', `${podIp}/${length}`, 'dev', 'eth0', ...noDad]);
    await peer.run('ip', [family, 'addr', 'add', `${peerIp}/${length}`, 'dev', 'eth0', ...noDad]);
    await peer.run('ip', [family, 'addr', 'add', `${skipped}/${six ? 128 : 32}`, 'dev', 'eth0', ...noDad]);
    await pod.run('ip', [family, 'route', 'add', 'default', 'via', peerIp]);
  }
}

/** Separate sockets for each family, since the kernel keeps their original destinations apart. */
async function startListeners(pod: Namespace, peer: Namespace): Promise<void> {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const any = ANY[family];
    await open(pod.first, family, 'outbound', FAMILIES[family].loopback, 15001);
    await open(pod.first, family, 'inbound', any, 15006);
    await open(pod.first, family, 'admin', any, 15020);
    for (const port of [8080, 9092]) await open(pod.first, family, 'app', any, port);
    for (const port of [9999, 3306]) await open(peer.first, family, 'peer', any, port);
  }
}

async function open(agent: Agent, family: keyof typeof FAMILIES, name: string, host: string, port: number) {
  const answer = await agent.ask({ listen: name, options: { host, port, ipv6Only: family === 'IPv6' } });
  assert.deepEqual(answer, { listening: name });
}

function expectGreeting(answer: Answer, listener: string, original?: string): void {
  assert.equal('listener' in answer ? answer.listener : JSON.stringify(answer), listener);
  if (original !== undefined) assert.equal('original' in answer && answer.original, original);
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
