import { deadlines } from '../../proxy/deadlines.ts';
import { metadataAddress, metadataPort, proxyUid } from '../../shared/redirect-contract.ts';
import { type Check, type Finding, skip } from '../engine/check.ts';
import type { Place } from '../engine/place.ts';
import { once } from '../network/once.ts';
import { readSocketsIfSeen } from '../network/sockets.ts';
import { traceConnection } from '../network/trace.ts';
import { actAs } from './act-as.ts';
import { judgeAppUser } from './app-user.ts';
import { askPassthrough, checkToken } from './ask-proxy.ts';
import { type Destination, toDestination } from './destination.ts';
import {
  checkMetadataPorts,
  checkNested,
  checkWireServer,
  judgeCapabilities,
} from './other-ways.ts';
import { findPodProxy, judgePodProxy, type PodProxy } from './pod-proxy.ts';
import { type AppProcess, listAppProcesses } from './processes.ts';
import {
  judgeMapped,
  judgeMesh,
  judgeOtherUsers,
  judgeProxyUser,
  judgeRedirect,
  listExempt,
} from './redirect-checks.ts';

export interface AppOptions {
  /** The port of the proxy, if it is not the usual one. */
  readonly proxyPort: number | undefined;
  /** Get one token as an application does. */
  readonly exchange: boolean;
  readonly resource: string | undefined;
}

/** Everything that the checks share, looked at once. */
interface Survey {
  readonly own: number;
  readonly proxy: PodProxy;
  readonly apps: readonly AppProcess[];
  /** Where a connection of this user came out. */
  readonly destination: Destination;
  /** The same for each user that the doctor could be, this one included. */
  readonly tried: ReadonlyMap<number, Destination>;
}

/** nobody, who stands for every user that is not in sight. */
const anybody = 65_534;

/** More users of processes in sight are not tried. */
const maxUsers = 8;

/** One exchange of the proxy with all its retries, and some time to report it. */
const exchangeDeadlineMs = deadlines.exchangeMs + 3_000;

/**
 * The checks from the place of the application: a container of the pod that is not the proxy's, as any user. A check
 * that needs a permission which this user lacks is skipped, with the reason.
 */
export function openApp({ proxyPort, exchange, resource }: AppOptions): Place {
  const own = process.geteuid?.() ?? 0;
  const survey = once(() => takeSurvey(own, proxyPort));
  const judge = (id: string, verdict: (survey: Survey) => Finding | Promise<Finding>): Check => ({
    id,
    run: async () => verdict(await survey()),
  });
  return {
    from: `the place of the application (user ${own})`,
    secrets: [],
    checks: [
      judge('pod-proxy', ({ proxy }) => judgePodProxy(proxy)),
      judge('app-user', ({ apps, proxy, tried }) =>
        judgeAppUser(apps, { own, exempt: listExempt(proxy), tried }),
      ),
      judge('redirect', ({ destination, proxy }) => judgeRedirect(destination, own, proxy)),
      { ...judge('redirect-users', judgeUsers), needs: ['redirect'] },
      judge('redirect-mesh', async ({ destination }) =>
        judgeMesh(await readSocketsIfSeen(), destination),
      ),
      { ...judge('redirect-ipv6', checkMapped), needs: ['redirect'] },
      { ...judge('proxy-user', checkProxyUser), needs: ['pod-proxy'] },
      { id: 'metadata-ports', run: checkMetadataPorts },
      { id: 'wire-server', run: checkWireServer },
      { id: 'nested-containers', run: () => checkNested() },
      judge('app-capabilities', ({ apps }) => judgeCapabilities(apps)),
      ...(exchange ? [toTokenCheck(survey, resource)] : []),
    ],
  };
}

async function takeSurvey(own: number, proxyPort: number | undefined): Promise<Survey> {
  const [proxy, apps] = await Promise.all([findPodProxy(proxyPort), listAppProcesses()]);
  const users = apps.slice(0, maxUsers).map(({ uid }) => uid);
  const others = new Set([...users, anybody, ...listExempt(proxy)]);
  others.delete(own);
  const trace = async (uid: number): Promise<readonly [number, Destination][]> => {
    const actor = actAs(uid);
    if (actor === undefined) return [];
    const at = { address: metadataAddress, port: metadataPort };
    return [[uid, toDestination(await traceConnection(at, actor), proxy)]];
  };
  const found = await Promise.all([own, ...others].map(trace));
  const tried = new Map(found.flat());
  return { own, proxy, apps, destination: tried.get(own) ?? { kind: 'silent' }, tried };
}

function judgeUsers({ own, proxy, tried }: Survey): Finding {
  const exempt = listExempt(proxy);
  const others = new Map([...tried].filter(([uid]) => uid !== own && !exempt.has(uid)));
  if (others.size === 0) {
    return skip(
      `user ${own} may not become another user: run the doctor as root to try others (runAsUser: 0, with SETUID)`,
    );
  }
  return judgeOtherUsers(others, proxy);
}

async function checkMapped({ proxy }: Survey): Promise<Finding> {
  const at = { address: `::ffff:${metadataAddress}`, port: metadataPort };
  return judgeMapped(toDestination(await traceConnection(at), proxy));
}

async function checkProxyUser({ proxy, tried }: Survey): Promise<Finding> {
  if (proxy.kind !== 'answers') return skip('the proxy does not answer');
  const { uid } = proxy;
  const passthrough = uid === proxyUid || uid === undefined ? undefined : await askPassthrough();
  return judgeProxyUser(proxy, uid === undefined ? undefined : tried.get(uid), passthrough);
}

function toTokenCheck(
  survey: () => Promise<Survey>,
  resource = 'https://management.azure.com',
): Check {
  return {
    id: 'token',
    needs: ['pod-proxy', 'redirect'],
    deadlineMs: exchangeDeadlineMs,
    async run() {
      const { kind } = (await survey()).destination;
      // Anywhere else the token would be the node's.
      if (kind !== 'proxy' && kind !== 'distant-proxy')
        return skip('the redirect does not lead to the proxy');
      return checkToken(resource, exchangeDeadlineMs - 1_000);
    },
  };
}
