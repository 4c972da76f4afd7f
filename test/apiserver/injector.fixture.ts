import { pino } from 'pino';
import { Injector } from '../../injector/injector.ts';
import { readSettings } from '../../injector/settings.ts';

/** On free ports of loopback, with the certificate in this folder. */
export async function startInjector(directory: string): Promise<Injector> {
  const settings = readSettings({
    WEFT_IMAGE: 'weft:1',
    WEFT_HOST: '127.0.0.1',
    WEFT_PORT: '0',
    WEFT_HEALTH_PORT: '0',
    WEFT_TLS_DIR: directory,
    WEFT_DRAIN_DELAY_MS: '0',
    WEFT_SIDECAR_CPU_REQUEST: '20m',
    WEFT_SIDECAR_MEMORY_REQUEST: '64Mi',
    WEFT_SIDECAR_MEMORY_LIMIT: '256Mi',
  });
  const injector = new Injector(settings, pino({ level: 'silent' }));
  await new Promise<void>((resolve, reject) => injector.start(resolve, reject).catch(reject));
  return injector;
}
