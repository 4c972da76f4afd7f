import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TestAuthority } from '../../sidecar/testing/certificates.ts';
import { findOnPath, run, runOk } from '../cluster/command.ts';
import { freePorts } from '../free-ports.ts';
import { ServerProcess, temporaryFolder } from './server-process.ts';
import { pythonPackages, reasonOf, without } from './tools.ts';
import { openedBy, type Undeclared, undeclared } from './undeclared.fixture.ts';

/** Protocols in which the server greets: mail, and a shell, where both sides do. Nothing is declared. */

const MAIL = 'From: a@shop.example\r\nSubject: yarn\r\n\r\nTwo balls of yarn.\r\n';
const noMail = (await without('python3', 'pip3', 'curl')) || (await reasonOf(pythonPackages()));

describe('SMTP, whose server speaks first (aiosmtpd and curl)', { skip: noMail }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let mesh: Undeclared;

  before(async () => {
    folder = await temporaryFolder();
    const leaf = await (await TestAuthority.create()).leaf({ uris: [], dnsNames: ['localhost'] });
    await writeFile(join(folder.path, 'tls.crt'), leaf.certificate);
    await writeFile(join(folder.path, 'tls.key'), leaf.privateKey, { mode: 0o600 });
    const [port] = (await freePorts(1)) as [number];
    server = await ServerProcess.start(
      port,
      'python3',
      [
        ...['-m', 'aiosmtpd', '--nosetuid', '--listen', `127.0.0.1:${port}`, '--no-requiretls'],
        ...['--tlscert', join(folder.path, 'tls.crt'), '--tlskey', join(folder.path, 'tls.key')],
        ...['--class', 'aiosmtpd.handlers.Mailbox', join(folder.path, 'mail')],
      ],
      { env: { PYTHONPATH: await pythonPackages() } },
    );
    mesh = await undeclared(port);
  });
  after(async () => {
    await mesh?.stop();
    await server?.stop();
    await folder?.remove();
  });

  const send = (flags: readonly string[]) =>
    runOk(
      'curl',
      [
        ...['--silent', '--show-error', '--max-time', '20', `smtp://127.0.0.1:${mesh.port}/client`, ...flags],
        ...['--mail-from', 'a@shop.example', '--mail-rcpt', 'b@shop.example', '--upload-file', '-'],
      ],
      { input: MAIL },
    );

  for (const [how, flags] of [
    ['in plain text', []],
    ['after STARTTLS', ['--ssl-reqd', '--insecure']],
    ['in plain text again, its verdict learned', []],
  ] as const) {
    it(`takes mail ${how}, on one connection`, async () => {
      const mails = () => readdir(join(folder.path, 'mail', 'new')).catch(() => []);
      const before = new Set(await mails());
      assert.deepEqual(await openedBy(mesh, () => send(flags)), { byClients: 1, atServer: 1 });
      const fresh = (await mails()).filter((name) => !before.has(name));
      assert.equal(fresh.length, 1);
      const mail = await readFile(join(folder.path, 'mail', 'new', fresh[0]!), 'utf8');
      assert.match(mail, /Subject: yarn[\s\S]*Two balls of yarn\./);
    });
  }
});

const noSsh = await without('sshd', 'ssh', 'ssh-keygen');
describe('SSH, in which both sides speak first (OpenSSH)', { skip: noSsh }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ServerProcess;
  let mesh: Undeclared;

  before(async () => {
    folder = await temporaryFolder();
    const file = (name: string) => join(folder.path, name);
    for (const name of ['host', 'user']) {
      await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
    }
    await writeFile(file('authorized'), await readFile(file('user.pub')));
    await chmod(file('authorized'), 0o600);
    const [port] = (await freePorts(1)) as [number];
    const settings = [
      ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${file('host')}`],
      ...[`AuthorizedKeysFile ${file('authorized')}`, `PidFile ${file('pid')}`, 'StrictModes no'],
      ...['UsePAM no', 'PasswordAuthentication no', 'PermitRootLogin prohibit-password'],
    ];
    await writeFile(file('config'), `${settings.join('\n')}\n`);
    // where it separates its privileges, which its service would make
    if (process.getuid?.() === 0) await runOk('mkdir', ['-p', '/run/sshd']);
    server = await ServerProcess.start(port, findOnPath('sshd')!, ['-D', '-e', '-f', file('config')]);
    mesh = await undeclared(port);
  });
  after(async () => {
    await mesh?.stop();
    await server?.stop();
    await folder?.remove();
  });

  const options = () => [
    ...['-F', 'none', '-i', join(folder.path, 'user'), '-p', String(mesh.port)],
    ...['-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
    ...['-o', `UserKnownHostsFile=${join(folder.path, 'known')}`, '-o', 'LogLevel=ERROR'],
  ];

  it('logs in by key and runs a command, with one connection each', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const opened = await openedBy(mesh, async () =>
        assert.equal(await runOk('ssh', [...options(), '127.0.0.1', 'echo $((6 * 7))']), '42\n'),
      );
      assert.deepEqual(opened, { byClients: 1, atServer: 1 });
    }
  });

  it('passes on how the command ended', async () => {
    assert.equal((await run('ssh', [...options(), '127.0.0.1', 'exit 3'])).code, 3);
  });

  it('copies 10 MB there and back', async () => {
    const [there, back] = [join(folder.path, 'there'), join(folder.path, 'back')];
    const data = randomBytes(10_000_000);
    await writeFile(there, data);
    const copy = (command: string) =>
      runOk('sh', ['-c', command, 'sh', ...options(), '127.0.0.1', `cat > '${there}.copy'`]);
    await copy(`ssh "$@" < '${there}'`);
    await runOk('sh', ['-c', `ssh "$@" > '${back}'`, 'sh', ...options(), '127.0.0.1', `cat '${there}.copy'`]);
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(digest(await readFile(back)), digest(data));
  });
});
