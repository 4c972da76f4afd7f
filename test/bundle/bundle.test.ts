import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Metafile } from 'esbuild';
import { buildAll, ROOMS, SIDECAR_PARTS } from '../../build.ts';

/** Bytes. Every pod of the mesh reads and compiles it: raise this only with a reason. */
const SIDECAR_MAX_BYTES = 336 * 1024;
/** Bytes; read only by sidecars that need them. */
const PART_MAX_BYTES: Readonly<Record<keyof typeof SIDECAR_PARTS, number>> = {
  re2: 160 * 1024,
  tracing: 24 * 1024,
  jwt: 32 * 1024,
};
/** Bytes; koffi for one architecture. */
const NATIVE_MAX_BYTES = 2 * 1024 * 1024;

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

describe('the bundles', () => {
  let out: string;
  let metafile: Metafile;
  before(async () => {
    out = mkdtempSync(join(tmpdir(), 'weft-bundle-'));
    metafile = await buildAll(out);
  });
  after(() => rmSync(out, { recursive: true, force: true }));

  /** What went into one file of dist/, as esbuild counted it. */
  function outputOf(file: string) {
    const found = Object.entries(metafile.outputs).find(([path]) => path.endsWith(`/${file}`));
    assert.ok(found, `no ${file} in the metafile`);
    return found[1];
  }
  const inputsOf = (file: string) => Object.keys(outputOf(file).inputs);
  const externalsOf = (file: string) =>
    outputOf(file)
      .imports.filter(({ external }) => external)
      .map(({ path }) => path)
      .filter((path) => !path.startsWith('node:') && !builtinModules.includes(path));

  /** Runs the bundle where nothing but dist/ is found, as in the image. */
  function weft(...args: string[]): Promise<Ended> {
    return new Promise((resolve) => {
      const options = { cwd: out, timeout: 20_000, env: { PATH: process.env.PATH } };
      execFile(process.execPath, [join(out, 'weft.js'), ...args], options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ code, output: stdout + stderr });
      });
    });
  }

  function evaluate(script: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, stdout: string) =>
        error === null ? resolve(stdout) : reject(error);
      execFile(process.execPath, ['--eval', script], { cwd: out, timeout: 20_000 }, done);
    });
  }

  it('hold for the sidecar nothing but api/ and sidecar/', () => {
    const inputs = inputsOf('sidecar.js');
    assert.ok(inputs.includes('sidecar/main.ts'));
    assert.deepEqual(
      inputs.filter((path) => !/^(api|sidecar)\//.test(path)),
      [],
    );
  });

  it('load for the sidecar nothing from outside but koffi and what Node has', () => {
    assert.deepEqual(
      externalsOf('sidecar.js').filter((path) => path !== 'koffi'),
      [],
    );
  });

  it('keep the Kubernetes client, schema and server libraries out of the sidecar’s text too', () => {
    const text = readFileSync(join(out, 'sidecar.js'), 'utf8');
    for (const name of ['@kubernetes/', 'fastify', 'typebox', 'ajv', 'pino', '@peculiar/', 'commander']) {
      assert.equal(text.includes(name), false, name);
    }
  });

  it('keep the Kubernetes client out of what weft drain reads', () => {
    assert.ok(inputsOf('cli.js').includes('cli/drain.ts'));
    assert.deepEqual(
      inputsOf('cli.js').filter((path) => path.includes('@kubernetes/')),
      [],
    );
  });

  for (const [part, maxBytes] of Object.entries(PART_MAX_BYTES)) {
    it(`hold the part ${part} of the sidecar in a file of its own, below ${maxBytes / 1024} KiB`, () => {
      const file = `sidecar-${part}.js`;
      assert.ok(statSync(join(out, file)).size < maxBytes, `${statSync(join(out, file)).size} bytes`);
      assert.ok(readFileSync(join(out, 'sidecar.js'), 'utf8').includes(`./${file}`));
      assert.deepEqual(externalsOf(file), []);
      // a module in both would be there twice, with two states
      const shared = inputsOf(file).filter((path) => inputsOf('sidecar.js').includes(path));
      assert.deepEqual(shared, []);
    });
  }

  it('hold in the parts of the sidecar one package each, or none', () => {
    const packagesIn = (file: string) =>
      new Set(inputsOf(file).flatMap((path) => /node_modules\/([^/]+)/.exec(path)?.[1] ?? []));
    const packages = { re2: ['re2js'], tracing: [], jwt: ['jose'] };
    for (const part of Object.keys(SIDECAR_PARTS) as (keyof typeof SIDECAR_PARTS)[]) {
      assert.deepEqual([...packagesIn(`sidecar-${part}.js`)], packages[part], part);
    }
  });

  it(`keep the sidecar below ${SIDECAR_MAX_BYTES / 1024} KiB`, () => {
    const { size } = statSync(join(out, 'sidecar.js'));
    assert.ok(size < SIDECAR_MAX_BYTES, `${Math.ceil(size / 1024)} KiB`);
  });

  it('keep the init container free of every package', () => {
    assert.deepEqual(
      inputsOf('init.js').filter((path) => !/^(api|init)\//.test(path)),
      [],
    );
    assert.deepEqual(externalsOf('init.js'), []);
  });

  it('hold no tests, and no other room than their own', () => {
    for (const room of Object.keys(ROOMS)) {
      const foreign = Object.keys(ROOMS).filter((other) => other !== room);
      const pattern = new RegExp(`^(${foreign.join('|')})/|\\.test\\.ts$`);
      assert.deepEqual(
        inputsOf(`${room}.js`).filter((path) => pattern.test(path)),
        [],
        room,
      );
    }
  });

  it('are loaded by a dispatcher that holds none of them', () => {
    assert.deepEqual(inputsOf('weft.js'), ['weft.ts']);
    const rooms = Object.keys(ROOMS).map((room) => `./${room}.js`);
    assert.deepEqual(new Set(externalsOf('weft.js')), new Set(rooms));
  });

  it('come with koffi for this architecture alone', () => {
    const native = join(out, 'node_modules/@koromix');
    assert.deepEqual(readdirSync(native), [`koffi-linux-${process.arch}`]);
    const file = join(native, `koffi-linux-${process.arch}`, `linux_${process.arch}`, 'koffi.node');
    assert.ok(existsSync(file));
    assert.ok(statSync(file).size < NATIVE_MAX_BYTES);
  });

  it('find koffi beside themselves, both ways it can be loaded', async () => {
    const ask = 'koffi.load(null).func("int getpid()")() === process.pid';
    const file = JSON.stringify(join(out, 'sidecar.js'));
    const required = `const koffi = require('node:module').createRequire(${file})('koffi'); console.log(${ask});`;
    const imported = `import('koffi').then(({ default: koffi }) => console.log(${ask}));`;
    for (const script of [required, imported]) assert.equal((await evaluate(script)).trim(), 'true');
  });

  for (const room of ['operator', 'injector', 'init']) {
    it(`start weft ${room} --help`, async () => {
      const { code, output } = await weft(room, '--help');
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`^Usage: weft ${room}`));
    });

    it(`refuse an unknown flag of weft ${room} with exit code 2`, async () => {
      const { code, output } = await weft(room, '--no-such-flag');
      assert.equal(code, 2, output);
    });
  }

  it('start the sidecar, which says what it needs', async () => {
    const { code, output } = await weft('sidecar');
    assert.equal(code, 2, output);
    assert.match(output, /WEFT_PROXY_ID/);
  });

  it('start the command line', async () => {
    const { code, output } = await weft('--help');
    assert.equal(code, 0, output);
    assert.match(output, /weft/);
  });

  it('say what is wrong with an unknown command, and fail', async () => {
    const { code, output } = await weft('no-such-command');
    assert.notEqual(code, 0);
    assert.match(output, /no-such-command/);
  });
});
