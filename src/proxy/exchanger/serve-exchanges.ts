import type { Duplex } from 'node:stream';
import { toProxyError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { createChannel } from './channel.ts';
import type { Command, Report } from './messages.ts';

export interface ServeExchangesDeps {
  /** Builds the exchange when the configuration arrives. `rememberCa` lets the server keep a good CA. */
  readonly createExchange: (
    configuration: Extract<Command, { type: 'configure' }>,
    rememberCa: (pem: string) => void,
  ) => Exchange;
  /** Called once after the configuration, if no work came along with it. */
  readonly idle: () => void;
  /** The pipe to the server has closed. */
  readonly closed: () => void;
}

/** Performs what the other end of the pipe asks for, any number at a time. */
export function serveExchanges(
  stream: Duplex,
  { createExchange, idle, closed }: ServeExchangesDeps,
): void {
  const running = new Map<number, AbortController>();
  let exchange: Exchange | undefined;

  const channel = createChannel<Command, Report>(stream, {
    message(command) {
      switch (command.type) {
        case 'configure':
          exchange = createExchange(command, (pem) => channel.send({ type: 'good-ca', pem }));
          setImmediate(() => {
            if (running.size === 0) idle();
          });
          return;
        case 'exchange':
          void perform(command);
          return;
        case 'cancel':
          running.get(command.id)?.abort(new Error('nobody waits for this exchange any more'));
          return;
      }
    },
    closed() {
      for (const controller of running.values()) controller.abort(new Error('the server has gone'));
      closed();
    },
  });

  const perform = async (command: Extract<Command, { type: 'exchange' }>): Promise<void> => {
    const { id, request } = command;
    const controller = new AbortController();
    running.set(id, controller);
    try {
      if (exchange === undefined) throw new Error('asked for an exchange before the configuration');
      channel.send({ type: 'issued', id, token: await exchange(request, controller.signal) });
    } catch (thrown) {
      const { code, message, details } = toProxyError(thrown);
      if (!controller.signal.aborted) {
        channel.send({ type: 'failed', id, error: { code, message, details } });
      }
    } finally {
      running.delete(id);
    }
  };
}
