import { createSocket } from 'node:dgram';
import type { Logger } from '../../shared/logger.ts';
import { programDeadlineMs, type RunProgram, toProgramFailure } from '../backends/program.ts';
import { InitFailure } from '../failures.ts';
import { formatNetwork, isAddress, type Network } from '../rules/network.ts';
import type { Redirect } from '../rules/ruleset.ts';
import { toProbeAddress } from './verify.ts';

/** Marks routes as ours, so that `remove` finds them. Any number that nobody else uses will do. */
const protocol = '81';

/** Any port will do, because nothing is sent. */
const discardPort = 9;

/**
 * Makes sure that each destination has a route: without one, connections fail before any rule sees them. In
 * a pod that has only IPv6, a local route is enough, because the redirect leads to this namespace anyway.
 * @param mayAdd whether a missing route may be added; otherwise nothing is changed
 * @throws InitFailure `no-route`
 */
export async function ensureRoutes(
  { destinations, target }: Redirect,
  mayAdd: boolean,
  run: RunProgram,
  log: Logger,
): Promise<void> {
  for (const destination of destinations) {
    const address = toProbeAddress(destination);
    const missing = await findMissingRoute(address);
    if (missing === undefined) continue;
    // Blackhole, unreachable and prohibit routes were made on purpose.
    if (missing !== 'ENETUNREACH')
      throw toNoRoute(address, `Remove the route that blocks it (${missing}).`);
    if (!mayAdd)
      throw toNoRoute(address, 'Run proxy-init with INIT_ROUTE=auto, or add a default route.');
    if (target.kind === 'remote' || !isAddress(destination)) {
      throw toNoRoute(
        address,
        'Add a default route; a local one works for a proxy on 127.0.0.1 and a single address only.',
      );
    }
    await addLocalRoute(destination, run);
    if ((await findMissingRoute(address)) !== undefined) {
      throw toNoRoute(address, 'The local route that was added has no effect; is lo up?');
    }
    log.log('info', 'local route added', { to: formatNetwork(destination) });
  }
}

async function addLocalRoute(destination: Network, run: RunProgram): Promise<void> {
  const network = formatNetwork(destination);
  const args = ['-4', 'route', 'replace', 'local', network, 'dev', 'lo', 'proto', protocol];
  const result = await run('ip', args, { deadlineMs: programDeadlineMs }).catch(
    (cause: unknown) => {
      throw new InitFailure(
        'no-route',
        { address: destination.address, fix: 'proxy-init needs the program ip to add one.' },
        { cause },
      );
    },
  );
  if (result.exitCode === 0) return;
  const failure = toProgramFailure('ip', result);
  if (failure.kind === 'no-net-admin') throw failure;
  throw toNoRoute(destination.address, `ip could not add one: ${failure.detail}`);
}

/** Removes the routes that a run before this one added. */
export async function removeRoutes(run: RunProgram, log: Logger): Promise<number> {
  const listed = await run(
    'ip',
    ['-4', 'route', 'show', 'table', 'local', 'type', 'local', 'proto', protocol],
    { deadlineMs: programDeadlineMs },
    // Without the program no route of ours was added either.
  ).catch(() => undefined);
  const networks = [...(listed?.stdout ?? '').matchAll(/^local (\S+) /gm)].map(([, to = '']) => to);
  for (const network of networks) {
    const args = ['-4', 'route', 'del', 'local', network, 'dev', 'lo', 'proto', protocol];
    const result = await run('ip', args, { deadlineMs: programDeadlineMs });
    if (result.exitCode !== 0) throw toProgramFailure('ip', result);
    log.log('info', 'local route removed', { to: network });
  }
  return networks.length;
}

function toNoRoute(address: string, fix: string): InitFailure {
  return new InitFailure('no-route', { address, fix });
}

/**
 * The error's code if the kernel has no usable route to an address. Connecting a UDP socket looks one up and
 * sends nothing, so that a failure cannot come from anywhere else.
 */
function findMissingRoute(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    // The declaration does not know that the callback gets the error, and that there is no event then.
    const finish = (error?: NodeJS.ErrnoException): void => {
      socket.close();
      resolve(error && (error.code ?? error.message));
    };
    socket.connect(discardPort, address, finish);
  });
}
