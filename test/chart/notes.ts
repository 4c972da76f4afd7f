import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chartDirectory, type Helm, helm, NAMESPACE, parseManifests, type Values } from './helm.ts';

/**
 * What NOTES.txt says on a given version of Kubernetes. `helm template` leaves the notes out and `helm install` knows
 * no `--kube-version`, so a copy of the chart carries them in a ConfigMap.
 */
export async function notes(version: Helm, kubernetes: string, values: Values = {}): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'weft-chart-'));
  try {
    cpSync(chartDirectory, copy, { recursive: true });
    const file = join(copy, 'templates/NOTES.txt');
    writeFileSync(join(copy, 'templates/notes.yaml'), asConfigMap(readFileSync(file, 'utf8')));
    const where = ['--namespace', NAMESPACE, '--kube-version', kubernetes];
    const args = ['template', 'weft', copy, '--show-only', 'templates/notes.yaml', ...where];
    const { stdout, stderr, code } = await helm(version, args, values);
    if (code !== 0) throw new Error(stderr);
    return parseManifests(stdout)[0]?.data.notes;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function asConfigMap(text: string): string {
  return `{{- define "notes" }}${text}{{ end -}}
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data: {notes: {{ include "notes" . | quote }}}
`;
}
