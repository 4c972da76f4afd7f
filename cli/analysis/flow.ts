/** YAML's flow style, which is shorter than JSON. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return `{${entries.map(([key, each]) => `${key}: ${flow(each)}`).join(', ')}}`;
  }
  if (typeof value !== 'string') return String(value);
  return /^[^\s[\]{},:#'"&*!|>%@`](?:[^\s[\]{},#'"]|,(?=\S))*$/.test(value) ? value : JSON.stringify(value);
}
