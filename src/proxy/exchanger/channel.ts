import type { Duplex } from 'node:stream';

/** One end of the pipe between server and exchanger. */
export interface Channel<Outgoing> {
  send(message: Outgoing): void;
  /** Says that nothing more will be sent; the other end sees the channel close. */
  end(): void;
}

/** What an end of the pipe is told. `closed` comes once, whichever side closed or whatever broke. */
export interface ChannelEvents<Incoming> {
  message(message: Incoming): void;
  closed(): void;
}

/**
 * Carries JSON messages, one a line, over a duplex stream. Both ends are this program, of one version and
 * started together, so a line that does not parse is a bug or a corrupted process: the channel is closed.
 */
export function createChannel<Incoming, Outgoing>(
  stream: Duplex,
  events: ChannelEvents<Incoming>,
): Channel<Outgoing> {
  let rest = '';
  let isOpen = true;

  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    stream.destroy();
    events.closed();
  };

  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      let message: Incoming;
      try {
        message = JSON.parse(line);
      } catch {
        close();
        return;
      }
      events.message(message);
    }
  });
  stream.on('end', close);
  stream.on('close', close);
  // A broken pipe is how the death of the other end shows; `closed` says all there is to say.
  stream.on('error', close);

  return {
    send(message) {
      if (isOpen) stream.write(`${JSON.stringify(message)}\n`);
    },
    end() {
      if (isOpen) stream.end();
    },
  };
}
