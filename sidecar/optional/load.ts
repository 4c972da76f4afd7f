import { createRequire } from 'node:module';

/**
 * Parts that few sidecars need: files of their own in the bundle (`build.ts`), opened when first asked for.
 * Configuration is compiled synchronously, so they are required, not imported.
 */
const isBundled = !import.meta.filename.endsWith('.ts');
const load = createRequire(import.meta.url);

/** Traces over OTLP. */
export function loadTracing(): typeof import('../tracing/tracer.ts') {
  return load(isBundled ? './sidecar-tracing.js' : '../tracing/tracer.ts');
}

/** The engine of regular expressions. The same module whenever it is asked for. */
export function loadRe2(): typeof import('./re2.ts') {
  return load(isBundled ? './sidecar-re2.js' : './re2.ts');
}

/** The verifier of JSON Web Tokens. The same module whenever it is asked for. */
export function loadJwt(): typeof import('./jwt.ts') {
  return load(isBundled ? './sidecar-jwt.js' : './jwt.ts');
}
