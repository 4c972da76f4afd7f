import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readDocumentTexts } from './analysis/documents.ts';
import { printable } from './analysis/printable.ts';
import { asYaml, injectOne, onlyPod } from './inject/full.ts';
import { labelPods } from './inject/label.ts';
import { UsageError } from './usage-error.ts';

interface Flags {
  readonly filename?: readonly string[];
  readonly proxyId?: string;
  readonly image?: string;
  readonly trustBundle?: string;
  readonly controlPlaneNamespace?: string;
  readonly trustDomain?: string;
}

const HELP = `
Writes the documents to standard output, every pod and pod template in them with the label weft.dev/inject=enabled:
the injector puts the sidecar into each pod as it is created. Asks no cluster. What was done is said on standard error.

With --proxy-id, for one bare Pod, the whole of it as the injector would make it, to be read, or for a cluster whose
webhook does not see the pod; where the webhook sees it, it gets an id of its own. The sidecar's resources and log level
are those of the environment, as weft injector --help names it.

Exit codes: 0 written, 1 the pod cannot have a sidecar, 2 not asked rightly.`;

/** A DNS label: it names the pod's Secret and stands in its certificate. */
const PROXY_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `weft inject`: YAML in, YAML out. */
export function addInject(program: Command): void {
  program
    .command('inject')
    .description('label pods and pod templates in YAML, so that they get a sidecar')
    .option('-f, --filename <file...>', 'documents: files, folders, or - for standard input')
    .option('--proxy-id <id>', 'write one Pod with its sidecar, under this id')
    .option('--image <image>', 'with --proxy-id: of the sidecar')
    .option('--trust-bundle <file>', 'with --proxy-id: the roots (PEM) that the sidecar trusts')
    .option('--control-plane-namespace <name>', 'with --proxy-id: where Weft is installed')
    .option('--trust-domain <name>', 'with --proxy-id: first part of every identity')
    .addHelpText('after', HELP)
    .action(async (flags: Flags) => {
      process.exitCode = await inject(flags);
    });
}

async function inject(flags: Flags): Promise<number> {
  if (flags.filename === undefined) {
    throw new UsageError('no documents were named', 'weft inject -f FILE, or -f - for standard input');
  }
  const documents = await readDocumentTexts(flags.filename, process.stdin);
  if (flags.proxyId !== undefined) return await writeOne(onlyPod(documents), flags.proxyId, flags);
  for (const flag of ['image', 'trustBundle', 'controlPlaneNamespace', 'trustDomain'] as const) {
    if (flags[flag] !== undefined)
      throw new UsageError(`${nameOf(flag)} means something with --proxy-id only`);
  }
  const { text, notes } = labelPods(documents);
  process.stdout.write(text);
  for (const note of notes) console.error(printable(note));
  return 0;
}

async function writeOne(pod: object, proxyId: string, flags: Flags): Promise<number> {
  if (!PROXY_ID.test(proxyId)) {
    throw new UsageError(`--proxy-id ${proxyId} is not valid`, 'write small letters and digits, at most 63');
  }
  const question = { pod, proxyId, trustBundle: await trustBundleOf(flags) };
  const answer = await injectOne(question, environmentOf(flags));
  if (answer.type === 'Refused') {
    console.error(printable(answer.message));
    return 1;
  }
  for (const warning of answer.warnings) console.error(printable(warning));
  if (answer.type === 'Unchanged' && answer.warnings.length === 0) {
    console.error('the pod is labelled weft.dev/inject=disabled');
  }
  process.stdout.write(asYaml(answer.type === 'Injected' ? answer.pod : pod));
  return answer.type === 'Injected' ? 0 : 1;
}

async function trustBundleOf({ trustBundle: file }: Flags): Promise<string> {
  const from = "kubectl -n weft-system get configmap weft-trust-bundle -o jsonpath='{.data.ca\\.crt}'";
  if (file === undefined) throw new UsageError('--proxy-id needs --trust-bundle', from);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be read: ${error.code ?? error.message}`, from);
  });
  if (/^-----BEGIN CERTIFICATE-----$/m.test(text)) return text;
  throw new UsageError(`${file} has no certificate in PEM`, from);
}

function environmentOf({ image, controlPlaneNamespace, trustDomain }: Flags): NodeJS.ProcessEnv {
  if (image === undefined) throw new UsageError('--proxy-id needs --image', 'the image of the control plane');
  return {
    ...process.env,
    WEFT_IMAGE: image,
    ...(controlPlaneNamespace !== undefined && { WEFT_NAMESPACE: controlPlaneNamespace }),
    ...(trustDomain !== undefined && { WEFT_TRUST_DOMAIN: trustDomain }),
  };
}

function nameOf(flag: string): string {
  return `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
