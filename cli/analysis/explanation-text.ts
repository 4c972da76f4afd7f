import type { ExplainedProxies, Explanation } from '../../api/analysis.ts';
import { columns, some } from './columns.ts';
import { destinationText, valueRow } from './destination-text.ts';

/** Pure: an explanation for people. */
export function explanationText({ subject, proxies, destinations, notes }: Explanation): string[] {
  const isWhole = proxies.length === 1 && destinations.length === 0;
  return [
    subject,
    ...destinations.flatMap(destinationText),
    ...proxies.flatMap((each) => proxiesText(each, isWhole)),
    ...(proxies.length === 0 && destinations.length > 0 ? ['', 'no pods are behind it'] : []),
    ...(notes.length === 0 ? [] : ['', 'policies']),
    ...columns(
      notes.map(({ policy, reason, message }) => ({ name: policy, value: reason, remark: message })),
      '  ',
    ),
  ];
}

function proxiesText(
  { workloads, meshed, bypassedPorts, values }: ExplainedProxies,
  isWhole: boolean,
): string[] {
  const title = isWhole ? [] : ['', `in the sidecar of ${some(workloads)}`];
  if (!meshed) {
    return [...title, ...(isWhole ? [''] : []), '  has no sidecar: nothing is enforced there'];
  }
  const shown = values.filter(({ value, origin, lost }) => {
    const isNothing = value === undefined || (Array.isArray(value) && value.length === 0);
    return origin !== undefined || lost.length > 0 || !isNothing;
  });
  const sections = Map.groupBy(shown, ({ path, port }) => sectionOf(path, port));
  const bypassed =
    bypassedPorts.length === 0
      ? []
      : [`  past the sidecar, where nothing of this holds: port ${bypassedPorts.join(', ')}`];
  return [
    ...title,
    ...bypassed,
    ...[...sections].flatMap(([section, of]) => ['', section, ...columns(of.map(valueRow), '  ')]),
  ];
}

/** `inbound`, `inbound, port 8080` */
function sectionOf(path: string, port: number | undefined): string {
  const part = path.slice(0, path.indexOf('.'));
  return port === undefined ? part : `${part}, port ${port}`;
}
