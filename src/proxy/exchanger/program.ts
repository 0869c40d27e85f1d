import { Socket } from 'node:net';
import { compileAddressPattern } from '../../shared/address-pattern.ts';
import type { Logger } from '../../shared/logger.ts';
import { systemClock } from '../clock.ts';
import { createEntra } from '../entra/entra.ts';
import { warmUp } from '../entra/warm-up.ts';
import { createPinoLogger } from '../log/pino-logger.ts';
import { serveExchanges } from './serve-exchanges.ts';

export { warmUp };

/**
 * Performs exchanges for the server at the other end of a file descriptor until that end closes. The
 * server is in charge of the process's life, signals included: those that a terminal sends to both are
 * for the server to act on.
 */
export function runExchanger(fd: number): void {
  compileAddressPattern();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR1'] as const) process.on(signal, () => {});
  serveExchanges(new Socket({ fd, readable: true, writable: true }), {
    createExchange({ settings, logLevel, lastGoodCaPem }, rememberCa) {
      const logger: Logger = createPinoLogger({ level: logLevel, name: 'exchanger' });
      const deps = { clock: systemClock, logger, lastGoodCaPem, rememberCa };
      return createEntra(deps, settings).exchange;
    },
    // It spares the first exchange some time; that it fails is for the build to find.
    idle: () => void warmUp().catch(() => {}),
    closed: () => process.exit(0),
  });
}
