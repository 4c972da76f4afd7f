#!/usr/bin/env node
// Plain JavaScript, so that any Node from 20 on can start it. In a checkout it runs the sources, never a bundle
// that may be older than they are; they need a Node that strips types, this one or the one npm has installed.
// In the image and under node_modules there is the bundle.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const bundle = join(root, 'dist', 'weft.js');
const source = join(root, 'weft.ts');
const installedNode = join(root, 'node_modules', '.bin', 'node');
const isCheckout = existsSync(source) && !root.split(sep).includes('node_modules');

if (!isCheckout) await import(pathToFileURL(bundle).href);
else if (process.features.typescript) await import(pathToFileURL(source).href);
else if (existsSync(installedNode)) runWith(installedNode);
else {
  console.error(
    `weft needs Node 24 to run from its sources, this is ${process.version}: run npm install first`,
  );
  process.exit(1);
}

function runWith(node) {
  const child = spawn(node, [source, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    console.error(`weft cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
