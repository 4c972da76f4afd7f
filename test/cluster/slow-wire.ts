import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findBinary } from './binaries.ts';
import type { Cluster } from './cluster.ts';

const DEVICE = 'slow0';
/** of the routing table that leads there, and of the rules that say which packets take it */
const TABLE = '200';
const [STAYING, GOING] = ['100', '101'];

export interface SlowWire {
  /** Packets are as fast as before. */
  end(): Promise<void>;
}

/**
 * Holds every packet of other pods to these for so long, as netem would: routes lead through a device of a program that
 * hands packets back late. Answers are as fast as ever, and so are the probes of the kubelet. Undefined where the
 * machine has no such devices.
 */
export async function slowWire(
  cluster: Cluster,
  podIPs: readonly string[],
  delayMs: number,
): Promise<SlowWire | undefined> {
  const device = await startDevice(cluster, delayMs);
  if (device === undefined) return undefined;
  const ip = (...args: string[]) => cluster.nodeExecOk(['ip', ...args]);
  const rules = [
    // what has been there; what the node itself sends, which it would not take back from a device as its own
    ...[DEVICE, 'lo'].map((from) => ['pref', STAYING, 'iif', from, 'lookup', 'main']),
    ...podIPs.map((podIP) => ['pref', GOING, 'to', podIP, 'lookup', TABLE]),
  ];
  const end = async () => {
    // a rule that leads to no device leads nowhere: packets take the next
    await device.end();
    for (const rule of rules) await cluster.nodeExec(['ip', 'rule', 'del', ...rule]);
  };
  try {
    await ip('link', 'set', DEVICE, 'up');
    await ip('route', 'add', 'default', 'dev', DEVICE, 'table', TABLE);
    for (const rule of rules) await ip('rule', 'add', ...rule);
  } catch (error) {
    await end();
    throw error;
  }
  return { end };
}

/** Starts the program; undefined when there can be no device. */
async function startDevice(cluster: Cluster, delayMs: number): Promise<SlowWire | undefined> {
  const command = [await findBinary('slow-wire'), DEVICE, String(delayMs)];
  const [program, args] = cluster.nodeCommand(command);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const isReady = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!isReady) return undefined;
  return {
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
