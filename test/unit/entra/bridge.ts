import { createEntraExchange } from '../../../src/proxy/entra/exchange/exchange.ts';
import type { Transport } from '../../../src/proxy/entra/transport/transport.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import {
  type Answer,
  authorityHost,
  createRecordingLogger,
  drive,
  federatedTokenFile,
  jsonReply,
  makeAssertion,
  neverAborted,
  request,
  tokenReply,
} from './support.ts';

const outage: Answer = jsonReply(503, { error: 'temporarily_unavailable' });

/** Whether one exchange gets a token although each attempt in its first `faultMs` meets a fault. */
export async function outlives(
  faultMs: number,
  random: number,
  fault: Answer = outage,
): Promise<boolean> {
  const clock = createManualClock();
  const startedMs = clock.monotonicMs();
  const transport: Transport = {
    async post() {
      if (clock.monotonicMs() - startedMs >= faultMs) return tokenReply();
      if (fault instanceof Error) throw fault;
      return fault === 'hang' ? new Promise(() => {}) : fault;
    },
  };
  const exchange = createEntraExchange(
    {
      clock,
      transport,
      logger: createRecordingLogger(),
      random: () => random,
      readFile: async () => makeAssertion(),
    },
    { authorityHost, federatedTokenFile },
  );
  const { status } = await drive(clock, exchange(request, neverAborted));
  return status === 'fulfilled';
}

/** The longest fault that one exchange outlives, to a tenth of a second. */
export async function findBridgeMs(random: number): Promise<number> {
  let longestMs = 0;
  for (let faultMs = 100; faultMs < 10_000; faultMs += 100) {
    if (!(await outlives(faultMs, random))) break;
    longestMs = faultMs;
  }
  return longestMs;
}
