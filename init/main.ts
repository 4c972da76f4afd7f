import { applyRules } from './apply.ts';
import { checkCapabilities } from './capabilities.ts';
import { readIpv6State } from './ipv6.ts';
import { createLog } from './log.ts';
import { readOptions } from './options.ts';
import { natRules } from './rules.ts';
import { run } from './run.ts';
import { waitingRules } from './waiting.ts';

const USAGE = `Usage: weft init [--print]

Writes the iptables rules that lead the pod's TCP traffic through the sidecar, and reads them back.
Runs in the pod's network namespace, as root with NET_ADMIN and NET_RAW. Running it again is harmless.

  --print   write the rules to standard output and change nothing

Environment: WEFT_SKIP_INBOUND_PORTS, WEFT_SKIP_OUTBOUND_PORTS (3306,9092), WEFT_SKIP_OUTBOUND_CIDRS
(10.0.0.0/8), WEFT_IPTABLES_BACKEND (nft | legacy; default: what works).
`;

/** `weft init`; argv without the command's name. Sets the exit code: 0 done, 1 failed, 2 wrong arguments. */
export async function main(argv: readonly string[]): Promise<void> {
  const [flag, ...rest] = argv;
  if (rest.length > 0 || (flag !== undefined && flag !== '--print' && flag !== '--help')) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  if (flag === '--help') {
    process.stdout.write(USAGE);
    return;
  }
  const log = createLog((line) => process.stdout.write(line), Date.now);
  try {
    const options = readOptions(process.env);
    if (flag === '--print') {
      const families = ['IPv4', 'IPv6'] as const;
      const texts = families.map((family) => {
        const rules = [...natRules(options.rules, family), ...waitingRules(options.rules.outboundPort)];
        return `# ${family}\n${rules.join('\n')}\n`;
      });
      process.stdout.write(texts.join(''));
      return;
    }
    await checkCapabilities();
    await applyRules(options, await readIpv6State(), run, log);
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
