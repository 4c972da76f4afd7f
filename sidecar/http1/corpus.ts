export type { CorpusCase } from './corpus-case.ts';
export { REQUESTS } from './corpus-requests.ts';
export { RESPONSES } from './corpus-responses.ts';
