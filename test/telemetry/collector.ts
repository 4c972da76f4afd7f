import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { goBinary } from '../conformance/go-binary.ts';

export interface Collector {
  /** `http://address:port` of its OTLP receiver */
  readonly endpoint: string;
  /** batches as the Collector understood them and wrote them again, in OTLP/JSON */
  readonly batches: string[];
  stop(): Promise<void>;
}

const DIRECTORY = new URL('collector/', import.meta.url);

/** The OTLP receiver of the OpenTelemetry Collector, built from its modules (collector/go.mod). */
export async function startCollector(): Promise<Collector> {
  const binary = await goBinary('otel-collector', DIRECTORY, ['go.mod', 'go.sum', 'main.go']);
  const child: ChildProcess = spawn(binary, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout!);
  const [address] = (await once(lines, 'line')) as [string];
  const batches: string[] = [];
  lines.on('line', (line) => batches.push(line));
  return {
    endpoint: `http://${address}`,
    batches,
    stop: async () => {
      child.kill();
      await exited;
    },
  };
}
