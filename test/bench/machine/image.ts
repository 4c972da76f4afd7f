import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The flags that the image starts node with. */
export function imageFlags(): string[] {
  const dockerfile = readFileSync(join(import.meta.dirname, '../../../Dockerfile'), 'utf8');
  const entry = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile);
  const words = JSON.parse(entry![1]!) as string[];
  return words.slice(1).filter((word) => word.startsWith('--'));
}
