import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect, ok, readAll, readUntil, serve, type TestServer, talk } from '../../sidecar/testing/wire.ts';
import { type Front, startInbound, startPair } from './front.ts';

const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

/** What each connection to the app brought, in the order they were opened. */
interface App extends TestServer {
  readonly heard: string[];
}

/** Answers every head at once, whatever body is to come; after some answers it goes on talking. */
async function startApp(): Promise<App> {
  const heard: string[] = [];
  const server = await serve((socket) => {
    const index = heard.push('') - 1;
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      heard[index] += text;
      for (const [, target] of text.matchAll(/^[A-Z]+ (\/[a-z-]+) HTTP\/1\.1\r\n/gm)) {
        socket.write(target === '/switch' ? SWITCH : ok(`answer to ${target}`));
        if (target === '/then-poison') setTimeout(() => socket.write(POISON), 20);
        if (target === '/then-garbage') setTimeout(() => socket.write('\r\n'), 20);
        if (target === '/then-end') setTimeout(() => socket.end(), 20);
      }
    });
  });
  return { ...server, heard };
}

for (const [name, startFront] of [
  ['one sidecar', startInbound],
  ['two sidecars', startPair],
] as const) {
  describe(`what comes at the wrong time, through ${name}`, () => {
    let app: App;
    let front: Front;
    before(async () => {
      app = await startApp();
      front = await startFront(app.port);
    });
    after(async () => {
      await front.stop();
      await app.close();
    });

    const ask = (target: string) =>
      talk(front.port, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const connectionOf = (target: string) => app.heard.findIndex((text) => text.includes(` ${target} HTTP`));
    const later = () => new Promise((resolve) => setTimeout(resolve, 60));

    for (const target of ['/then-poison', '/then-garbage', '/then-end']) {
      it(`${target.slice(1)}: an idle connection on which the app speaks or ends is given up`, async () => {
        assert.match(await ask(target), new RegExp(`answer to ${target}$`));
        await later();
        const next = `/after${target.slice(5)}`;
        assert.match(await ask(next), new RegExp(`answer to ${next}$`));
        assert.notEqual(connectionOf(next), connectionOf(target));
      });
    }

    it('a switch of protocols that nobody asked for is an error, and opens no tunnel', async () => {
      assert.match(
        await ask('/switch'),
        /^HTTP\/1\.1 502 [\s\S]*\r\nweft-error: upstream-(?:protocol|reset)\r\n/,
      );
      assert.match(await ask('/after-switch'), /answer to \/after-switch$/);
      assert.notEqual(connectionOf('/after-switch'), connectionOf('/switch'));
    });

    it('a connection that stays quiet is used again', async () => {
      await ask('/first');
      await ask('/second');
      assert.equal(connectionOf('/second'), connectionOf('/first'));
    });

    it('the rest of a body whose answer came early is no request, to nobody', async () => {
      const socket = await connect(front.port);
      const head = `POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length + 2}\r\n\r\n`;
      socket.write(`${head}ab`);
      await readUntil(socket, 'answer to /early');
      const rest = readAll(socket);
      socket.end(SMUGGLED);
      assert.equal(await rest, '');
      assert.match(await ask('/after-early'), /answer to \/after-early$/);
      assert.notEqual(connectionOf('/after-early'), connectionOf('/early'));
      assert.equal(app.heard.filter((text) => text.startsWith('GET /smuggled')).length, 0);
    });

    it('what is pipelined behind an upgrade that is refused is answered once, in order', async () => {
      const upgrade = 'GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
      const answer = await talk(
        front.port,
        `${upgrade}GET /behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );
      assert.deepEqual(answer.match(/answer to \/[a-z]+/g), ['answer to /upgrade', 'answer to /behind']);
    });
  });
}
