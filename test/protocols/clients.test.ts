import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runOk } from '../cluster/command.ts';
import { withoutGo } from '../conformance/go-binary.ts';
import { goPeer } from './go-peer.ts';
import { HTTP_APPS, type HttpApp } from './http-app.fixture.ts';
import { pythonPackages, reasonOf, without } from './tools.ts';
import { openedBy, type Undeclared, undeclared } from './undeclared.fixture.ts';

/** HTTP clients of others, each through two sidecars to an app of Node, on a port of which nothing is declared. */
interface Client {
  readonly name: string;
  readonly version: keyof typeof HTTP_APPS;
  readonly skip: string | false;
  readonly run: (port: number) => Promise<string>;
  readonly steps: readonly string[];
  /** so many does the client open for all of it */
  readonly connections: number;
}

const STEPS = ['GET', 'POST', 'streamed', '100 requests'];
const noPython = (await without('python3', 'pip3')) || (await reasonOf(pythonPackages()));
const noGo = withoutGo() ?? false;
const noCurl = await without('curl');
const BODY = 'yarn'.repeat(50_000);
const CURL = {
  'HTTP/1.1': ['--silent', '--show-error', '--fail', '--max-time', '60', '--http1.1'],
  'HTTP/2': ['--silent', '--show-error', '--fail', '--max-time', '60', '--http2-prior-knowledge'],
} as const;
const noJava = await without('javac');

const python = (name: string, version: Client['version']): Client => ({
  ...{ name: `Python ${name}`, version, skip: noPython, steps: STEPS, connections: 1 },
  run: async (port) =>
    runOk('python3', [join(import.meta.dirname, 'python', 'client.py'), name, String(port)], {
      env: { PYTHONPATH: await pythonPackages() },
    }),
});
const go = (version: Client['version']): Client => ({
  ...{ name: `Go net/http, ${version}`, version, skip: noGo, connections: 1 },
  steps: ['GET', 'POST', 'trailers', 'streamed', '100 requests'],
  run: async (port) => runOk(await goPeer(), ['client', version, String(port)]),
});
/** Expects 100 Continue before it posts, and sends pieces of a length that it does not tell. */
const curl = (version: Client['version'], steps: readonly string[]): Client => ({
  ...{ name: `curl, ${version}`, version, skip: noCurl, steps, connections: steps.length },
  run: async (port) => {
    const ask = (path: string, flags: readonly string[], input = '') =>
      runOk('curl', [...CURL[version], ...flags, `http://127.0.0.1:${port}${path}`], { input });
    assert.equal(await ask('/hello', []), 'hello');
    const post = ['--header', 'Expect: 100-continue', '--data-binary', '@-'];
    assert.equal(await ask('/echo', post, BODY), BODY);
    assert.equal(await ask('/echo', ['--request', 'POST', '--upload-file', '-'], BODY), BODY);
    if (steps === STEPS) assert.equal(await ask('/hello?[1-100]', []), 'hello'.repeat(100));
    return steps.join('\n');
  },
});
const java = (version: 'HTTP_1_1' | 'HTTP_2'): Client => ({
  ...{ name: `java.net.http, ${version}`, version: 'HTTP/1.1', skip: noJava, steps: STEPS, connections: 1 },
  run: (port) => runOk('java', [join(import.meta.dirname, 'java', 'Client.java'), version, String(port)]),
});

const CLIENTS: readonly Client[] = [
  curl('HTTP/1.1', STEPS),
  // curl 7.88 fails by itself when it uses such a connection again
  curl('HTTP/2', STEPS.slice(0, -1)),
  python('requests', 'HTTP/1.1'),
  python('httpx', 'HTTP/1.1'),
  python('httpx-http2', 'HTTP/2'),
  go('HTTP/1.1'),
  go('HTTP/2'),
  java('HTTP_1_1'),
  java('HTTP_2'),
];

for (const [version, start] of Object.entries(HTTP_APPS)) {
  describe(`clients of ${version}`, () => {
    let app: HttpApp;
    let mesh: Undeclared;
    before(async () => {
      app = await start();
      mesh = await undeclared(app.port);
    });
    after(async () => {
      await mesh?.stop();
      await app?.stop();
    });

    for (const client of CLIENTS.filter((each) => each.version === version)) {
      it(`${client.name}: ${client.steps.join(', ')}`, { skip: client.skip }, async () => {
        let said = '';
        const { byClients } = await openedBy(mesh, async () => {
          said = await client.run(mesh.port);
        });
        assert.deepEqual(said.trim().split('\n'), client.steps);
        assert.equal(byClients, client.connections);
      });
    }
  });
}
