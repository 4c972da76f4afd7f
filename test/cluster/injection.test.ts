import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { skipWithoutCluster } from './cluster.ts';
import { openSite } from './clustersite.ts';
import { HOST_PORT, OPEN, OUTSIDE, STRICT } from './injection.fixture.ts';
import { InjectionSite } from './injectionsite.ts';
import { waitUntil } from './scenario.ts';

const NAMED_BY_MESH = `spiffe://cluster.local/ns/${STRICT}/sa/default`;
const WITHIN_MS = 180_000;

/** Pods of every kind start together in a namespace in which everything is Strict; each test looks at some of them. */
describe('pods of every kind on a cluster, under Strict', { skip: await skipWithoutCluster() }, () => {
  let site: InjectionSite;
  before(async () => {
    site = await openSite(InjectionSite);
    await site.ready(STRICT, '-l', 'app in (echo, stateful, early, binds, hooked)', 'pod');
    await site.ready(OPEN, 'pod/open');
    await site.ready(OUTSIDE, 'pod/outsider');
  });
  after(() => site?.close());

  const proxyIdOf = async (name: string) =>
    (await site.pod(STRICT, name)).metadata.annotations['weft.dev/proxy']!;

  it('are closed to those outside, so that the rest proves something', async () => {
    const { podIP } = (await site.pod(STRICT, await site.echo())).status;
    assert.match(await site.curl(OUTSIDE, 'outsider', `http://${podIP}:8080/`), /^curl: (52|56) /);
    assert.match(await site.curl(OUTSIDE, 'outsider', `http://echo.${STRICT}/`), /^curl: (52|56) /);
    const { headers } = await site.ask('stateful-0', 'http://echo/');
    assert.equal(headers['weft-caller'], NAMED_BY_MESH);
  });

  describe('probes', () => {
    const containers = async () => (await site.pod(STRICT, 'probed')).status.containerStatuses ?? [];
    const isReady = async (name: string) => (await containers()).find((each) => each.name === name)?.ready;

    it('over HTTP, HTTPS, TCP and gRPC and by a command find the app well', async () => {
      await waitUntil(
        'the probes to succeed',
        async () => {
          return (await isReady('app')) === true && (await isReady('rpc')) === true;
        },
        WITHIN_MS,
      );
      const restarts = (await containers()).map(({ restartCount }) => restartCount);
      assert.deepEqual(restarts, [0, 0, 0]);
    });

    it('reach the app themselves, by exactly the paths it declares', async () => {
      const seen = (path: string) => site.curl(STRICT, 'probed', `http://127.0.0.1:8080/seen/${path}`);
      assert.ok(Number(await seen('startup')) >= 1);
      assert.ok(Number(await seen('liveness')) >= 1);
    });

    it('leave Prometheus, which is outside, the page that the pod declares, and nothing else', async () => {
      const { metadata, status } = await site.pod(STRICT, 'probed');
      const { 'prometheus.io/port': port, 'prometheus.io/path': path } = metadata.annotations;
      const page = await site.curl(OUTSIDE, 'outsider', `http://${status.podIP}:${port}${path}`);
      assert.equal(JSON.parse(page).url, '/stats');
      assert.match(
        await site.curl(OUTSIDE, 'outsider', `http://${status.podIP}:8080/stats`),
        /^curl: (52|56) /,
      );
      const other = path!.replace(/.$/, 'x');
      const said = ['--output', '/dev/null', '--write-out', '%{http_code}'];
      assert.equal(
        await site.curl(OUTSIDE, 'outsider', ...said, `http://${status.podIP}:${port}${other}`),
        '404',
      );
    });

    it('are not needed where a policy opens the port, and that port alone', async () => {
      const { podIP } = (await site.pod(STRICT, 'probed')).status;
      const answer = await site.curl(OUTSIDE, 'outsider', '--insecure', `https://${podIP}:8443/open`);
      assert.equal(JSON.parse(answer).url, '/open');
      assert.match(await site.curl(OUTSIDE, 'outsider', `http://${podIP}:8080/open`), /^curl: (52|56) /);
    });

    it('find an app unwell that says so', async () => {
      assert.equal(await isReady('down'), false);
      const events = await site.kubectl(
        ...['-n', STRICT, 'get', 'events', '--field-selector', 'involvedObject.name=probed', '-o', 'json'],
      );
      assert.match(events, /Readiness probe failed: HTTP probe failed with statuscode: 503/);
    });
  });

  describe('containers that start before the app', () => {
    it('have the network, as who they are, whether native sidecars or not', async () => {
      const { spec, status } = await site.pod(STRICT, 'early');
      assert.deepEqual(
        spec.initContainers?.map(({ name }) => name),
        ['weft-init', 'weft-sidecar', 'fetch', 'cache', 'migrate'],
      );
      assert.ok(status.initContainerStatuses?.every(({ restartCount }) => restartCount === 0));
      for (const note of ['fetch', 'cache', 'migrate']) assert.ok((await site.noted(note)) >= 1, note);
      const said = await site.kubectl('-n', STRICT, 'logs', 'early', '-c', 'fetch');
      assert.equal(JSON.parse(said).headers['weft-caller'], NAMED_BY_MESH);
    });
  });

  describe('pods that end', () => {
    it('by themselves, end: a Job completes, with its sidecar, and takes its Secret with it', async () => {
      await site.kubectl('-n', STRICT, 'wait', '--for=condition=Complete', '--timeout=240s', 'job/job');
      assert.equal(await site.noted('job'), 1);
      const [pod] = JSON.parse(
        await site.kubectl('-n', STRICT, 'get', 'pods', '-l', 'app=job', '-o', 'json'),
      ).items;
      assert.equal(pod.status.phase, 'Succeeded');
      assert.ok(await site.hasSecret(await proxyIdOf('stateful-0')), 'that of a pod which runs is there');
      const proxyId = pod.metadata.annotations['weft.dev/proxy'];
      await waitUntil('the Secret to go', async () => !(await site.hasSecret(proxyId)));
    });

    it('because the kubelet ended them, take their Secret with them though they stay to be seen', async () => {
      await waitUntil(
        'the deadline',
        async () => (await site.pod(STRICT, 'late')).status.phase === 'Failed',
        WITHIN_MS,
      );
      assert.equal((await site.pod(STRICT, 'late')).status.reason, 'DeadlineExceeded');
      const proxyId = await proxyIdOf('late');
      await waitUntil('the Secret to go', async () => !(await site.hasSecret(proxyId)));
    });

    it('have the network until they have ended, and hooks that ask the app', async () => {
      await site.kubectl('-n', STRICT, 'delete', 'pod', 'hooked', '--timeout=120s');
      assert.equal(await site.noted('goodbye'), 1);
    });
  });

  describe('pods that are called', () => {
    it('by a name of their own, behind a headless Service, answer themselves and know who calls', async () => {
      for (const name of ['stateful-0', 'stateful-1']) {
        const { pod, headers } = await site.ask('early', `http://${name}.stateful:8080/`);
        assert.deepEqual([pod, headers['weft-caller']], [name, NAMED_BY_MESH]);
      }
    });

    it('by their address, likewise', async () => {
      const { podIP } = (await site.pod(STRICT, 'stateful-1')).status;
      const { pod, headers, at } = await site.ask('early', `http://${podIP}:8080/`);
      assert.deepEqual([pod, headers['weft-caller']], ['stateful-1', NAMED_BY_MESH]);
      assert.equal(at.replace('::ffff:', ''), podIP);
    });

    it('by themselves, through their own Service, headless or not, and by their own address', async () => {
      const echo = await site.echo();
      const own = await site.ask(echo, 'http://echo/');
      assert.deepEqual([own.pod, own.headers['weft-caller']], [echo, NAMED_BY_MESH]);
      const headless = await site.ask('stateful-0', 'http://stateful-0.stateful:8080/');
      assert.equal(headless.pod, 'stateful-0');
      const { podIP } = (await site.pod(STRICT, echo)).status;
      const direct = await site.ask(echo, `http://${podIP}:8080/`);
      // stays on the loopback interface, as among containers of a pod
      assert.deepEqual([direct.pod, direct.headers['weft-caller']], [echo, undefined]);
    });

    it('answer at the pod’s address and at all addresses, and at the loopback address to themselves only', async () => {
      const { podIP } = (await site.pod(STRICT, 'binds')).status;
      for (const port of [8082, 8083]) {
        const { at, headers } = await site.ask('early', `http://binds:${port}/`);
        assert.equal(at.replace('::ffff:', ''), podIP);
        assert.equal(headers['weft-caller'], NAMED_BY_MESH);
      }
      const said = ['--output', '/dev/null', '--write-out', '%{http_code} %header{weft-error}'];
      assert.equal(await site.curl(STRICT, 'early', ...said, 'http://binds:8081/'), '502 connect-failure');
      assert.equal((await site.ask('binds', 'http://127.0.0.1:8081/')).pod, 'binds');
    });

    it('over IPv6 as over IPv4, where the cluster has both', async (t) => {
      const echo = await site.echo();
      const address = await site.ipv6Of(STRICT, echo);
      if (address === undefined) return t.skip('the cluster has no IPv6');
      const direct = await site.ask('early', `http://${address}:8080/`);
      assert.deepEqual([`[${direct.at}]`, direct.headers['weft-caller']], [address, NAMED_BY_MESH]);
      const { clusterIPs } = JSON.parse(
        await site.kubectl('-n', STRICT, 'get', 'service', 'both', '-o', 'jsonpath={.spec}'),
      );
      for (const from of ['early', echo]) {
        const { pod, headers } = await site.ask(from, `http://[${clusterIPs[1]}]/`);
        assert.deepEqual([pod, headers['weft-caller']], [echo, NAMED_BY_MESH]);
        assert.equal(`[${headers['weft-caller-address']}]`, await site.ipv6Of(STRICT, from));
      }
      assert.match(await site.curl(OUTSIDE, 'outsider', `http://${address}:8080/`), /^curl: (52|56) /);
      const open = await site.ipv6Of(OPEN, 'open');
      assert.equal(JSON.parse(await site.curl(OUTSIDE, 'outsider', `http://${open}:8080/`)).pod, 'open');
    });

    it('through a port of the node, where they are open to those outside', async () => {
      const { hostIP, podIP } = (await site.pod(OPEN, 'open')).status;
      for (const url of [`http://${hostIP}:${HOST_PORT}/`, `http://${podIP}:8080/`]) {
        const { pod, headers } = JSON.parse(await site.curl(OUTSIDE, 'outsider', url));
        assert.deepEqual([pod, headers['weft-caller']], ['open', undefined]);
      }
    });
  });

  it('run closed, and with one process namespace for all', async () => {
    const processes = await site.kubectl(
      ...['-n', STRICT, 'exec', 'binds', '-c', 'app', '--', 'sh', '-c', 'cat /proc/[0-9]*/comm; id -u'],
    );
    assert.match(processes, /^pause$/m);
    assert.match(processes, /^1000$/m);
    assert.match(await site.stealKey('app'), /Permission denied/);
  });

  it('are debugged by a container that calls as the pod does, and as root sees no key', async () => {
    const image = await site.kubectl(
      ...['-n', STRICT, 'get', 'pod', 'binds', '-o', 'jsonpath={.spec.containers[0].image}'],
    );
    const debug = [
      'debug',
      'binds',
      '-c',
      'debugger',
      `--image=${image}`,
      '--image-pull-policy=IfNotPresent',
    ];
    await site.kubectl('-n', STRICT, ...debug, '--', 'sleep', '3600');
    await waitUntil(
      'the debugger to call',
      async () => {
        const text = await site.curl(STRICT, 'binds', '-c', 'debugger', 'http://echo/');
        return JSON.parse(text).headers['weft-caller'] === NAMED_BY_MESH;
      },
      WITHIN_MS,
    );
    assert.match(await site.stealKey('debugger'), /Permission denied/);
  });
});
