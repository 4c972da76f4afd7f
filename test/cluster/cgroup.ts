import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/** The hierarchies of this machine: one with cgroup v2, one for each controller with v1. */
function hierarchies(): string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name))
    .filter((path) => existsSync(join(path, 'cgroup.procs')));
}

/** A new cpuset of cgroup v1 is empty, and nothing can run in it until it has its parent's share. */
function inheritCpuset(parent: string, child: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const value = join(parent, file);
    if (parent !== root && existsSync(value)) writeFileSync(join(child, file), readFileSync(value));
  }
}

/** Makes the cgroup that holds one cluster's pods, in every hierarchy. */
export function createCgroup(name: string): void {
  for (const parent of hierarchies()) {
    mkdirSync(join(parent, name), { recursive: true });
    inheritCpuset(parent, join(parent, name));
  }
}

function removeTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  rmdirSync(directory);
}

/** Removes it with all below it; its processes have to have ended. */
export function removeCgroup(name: string): void {
  for (const parent of hierarchies()) {
    if (existsSync(join(parent, name))) removeTree(join(parent, name));
  }
}
