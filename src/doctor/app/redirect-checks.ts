import { metadataAddress, metadataPort, proxyUid } from '../../shared/redirect-contract.ts';
import { type Finding, fail, ok, skip, warn } from '../engine/check.ts';
import type { SocketRow } from '../network/sockets.ts';
import { type Destination, findMesh } from './destination.ts';
import type { PodProxy } from './pod-proxy.ts';

const at = `${metadataAddress}:${metadataPort}`;

const docs = {
  redirect: 'docs/redirect.md#failures',
  mesh: 'docs/redirect.md#service-meshes-and-other-rules',
  exempt: 'docs/redirect.md#who-is-exempt',
} as const;

const initLog =
  'kubectl logs POD -c azwi-proxy-init; kubectl get pod POD -o yaml shows whether the pod has that init container';

/** Judges where a connection of one user to the metadata service came out. */
export function judgeRedirect(destination: Destination, uid: number, proxy: PodProxy): Finding {
  const evidence = { user: uid, 'port of the proxy': proxy.port };
  switch (destination.kind) {
    case 'proxy':
      return ok(`a connection of user ${uid} to ${at} came out at port ${proxy.port}`, {
        evidence,
      });
    case 'distant-proxy':
      return ok(
        `a connection of user ${uid} to ${at} came out at a proxy that is not in the table of sockets of this pod`,
        {
          evidence,
        },
      );
    case 'other':
      return judgeOther(destination, proxy, evidence);
    case 'node':
      if (listExempt(proxy).has(uid)) {
        return skip(`user ${uid} is the proxy's own, whom the redirect exempts`, { evidence });
      }
      return fail(
        `${at} is not redirected: connections of user ${uid} leave the pod for the metadata service of the node, and get the identity of the node`,
        {
          evidence,
          fix: `proxy-init makes the redirect. See whether it ran, and its log: ${initLog}. Then create the pod again. Where NET_ADMIN is forbidden, see docs/without-redirect.md.`,
          docs: docs.redirect,
        },
      );
    case 'refused':
    case 'silent':
      return judgeNothing(destination, proxy, evidence);
  }
}

/** The user of the proxy's image, whom the redirect exempts by default, and the one that the proxy runs as. */
export function listExempt(proxy: PodProxy): ReadonlySet<number> {
  // Root as the user of the proxy is exempt only if PROXY_UID says so.
  return new Set([
    proxyUid,
    ...('uid' in proxy && proxy.uid !== undefined && proxy.uid !== 0 ? [proxy.uid] : []),
  ]);
}

/** Continues "because". */
const noTable = '/proc/net/tcp, the table of sockets, cannot be read';

type Evidence = Readonly<Record<string, string | number>>;

function judgeOther(
  { receiver, passesOn }: Extract<Destination, { kind: 'other' }>,
  proxy: PodProxy,
  evidence: Evidence,
): Finding {
  const { port, uid } = receiver;
  const shown = { ...evidence, 'that port belongs to user': uid ?? '(unknown)' };
  const mesh = findMesh(receiver);
  if (mesh !== undefined) {
    const details = {
      evidence: shown,
      fix: `Set INIT_BACKEND=nft for proxy-init: its rules then run before those of the mesh. Or exclude the address there, for Istio with the annotation traffic.sidecar.istio.io/excludeOutboundIPRanges: ${metadataAddress}/32. Then create the pod again.`,
      docs: docs.mesh,
    };
    return passesOn
      ? warn(
          `${mesh.name} takes connections to ${at} on port ${port}, and passes them on to the proxy`,
          details,
        )
      : fail(`${mesh.name} takes connections to ${at}: they come out at its port ${port}`, details);
  }
  if (passesOn) {
    return warn(
      `another program takes connections to ${at} on port ${port}, and passes them on to a proxy`,
      {
        evidence: shown,
        fix: `Find the program that listens on port ${port} and the rules that lead there, and exclude ${metadataAddress} from them.`,
        docs: docs.mesh,
      },
    );
  }
  return fail(`${at} leads to port ${port} of this pod, and the proxy has port ${proxy.port}`, {
    evidence: shown,
    fix: `Set PROXY_PORT of proxy-init to ${proxy.port}, or --proxy-port of the proxy to ${port} if nothing else uses that port. Then create the pod again.`,
    docs: 'docs/redirect.md#settings',
  });
}

function judgeNothing(
  destination: Extract<Destination, { kind: 'refused' | 'silent' }>,
  proxy: PodProxy,
  evidence: Evidence,
): Finding {
  const how =
    destination.kind === 'silent' ? 'does not answer' : `refuses connections (${destination.code})`;
  if (destination.kind === 'refused' && /UNREACH$/.test(destination.code)) {
    return fail(`this pod has no route to ${metadataAddress} (${destination.code})`, {
      evidence,
      fix: `proxy-init adds one with INIT_ROUTE=auto, its default. See whether it ran: ${initLog}.`,
      docs: docs.redirect,
    });
  }
  if (proxy.kind === 'none' && destination.kind === 'refused') {
    return skip(
      `${at} ${how}: a redirect leads to a port on which no proxy listens, or the network refuses`,
      { evidence },
    );
  }
  return fail(`${at} ${how}, and the proxy listens on port ${proxy.port}`, {
    evidence,
    fix:
      destination.kind === 'silent'
        ? `Nothing redirects it, and something on the way drops the connection, such as a NetworkPolicy. See whether proxy-init ran: ${initLog}.`
        : `The redirect leads to a port on which nothing listens, or the network refuses. Compare PROXY_PORT of proxy-init with port ${proxy.port}: ${initLog}.`,
    docs: docs.redirect,
  });
}

/** One finding for all the other users that were tried. The worst decides. */
export function judgeOtherUsers(tried: ReadonlyMap<number, Destination>, proxy: PodProxy): Finding {
  const findings = [...tried].map(([uid, destination]) => judgeRedirect(destination, uid, proxy));
  const worst =
    findings.find(({ status }) => status === 'fail') ??
    findings.find(({ status }) => status === 'warn') ??
    findings.find(({ status }) => status === 'skip');
  if (worst !== undefined) return worst;
  return ok(`connections of ${formatUsers([...tried.keys()])} come out at the proxy as well`);
}

function formatUsers(uids: readonly number[]): string {
  return `${uids.length === 1 ? 'user' : 'the users'} ${uids.join(', ')}`;
}

/**
 * Whether a service mesh of this pod leaves connections to the metadata service alone.
 * @param sockets of the pod; undefined if they cannot be seen
 */
export function judgeMesh(
  sockets: readonly SocketRow[] | undefined,
  destination: Destination,
): Finding {
  if (sockets === undefined) return skip(noTable);
  const listeners = sockets.filter(({ isListening }) => isListening);
  const found = listeners.flatMap(({ localPort: port, uid }) => findMesh({ port, uid }) ?? []);
  const [mesh] = found;
  if (mesh === undefined) return ok('no service mesh listens in this pod');
  if (destination.kind === 'proxy' || destination.kind === 'distant-proxy') {
    return ok(`${mesh.name} listens on port ${mesh.port}, and the redirect comes before it`);
  }
  return skip(`redirect says what ${mesh.name} on port ${mesh.port} does`);
}

/** The same from a socket of IPv6, whose address for IPv4 is the same destination. */
export function judgeMapped(destination: Destination): Finding {
  const mapped = `[::ffff:${metadataAddress}]:${metadataPort}`;
  switch (destination.kind) {
    case 'proxy':
    case 'distant-proxy':
      return ok(
        `${mapped} comes out at the proxy as well; the metadata service has no other address of IPv6`,
      );
    case 'refused':
    case 'silent':
      return ok(`${mapped} is refused, or sockets of IPv6 are`);
    case 'other':
    case 'node':
      return fail(`${mapped} is not redirected to the proxy`, {
        fix: `Another program handles sockets of IPv6 differently: ${initLog}. Set INIT_GUARD=imds for proxy-init to refuse the address to everybody but the proxy.`,
        docs: docs.mesh,
      });
  }
}

/** Whether the redirect and the pod agree about the user of the proxy. */
export function judgeProxyUser(
  proxy: Extract<PodProxy, { kind: 'answers' }>,
  destination: Destination | undefined,
  passthrough: string | undefined,
): Finding {
  const { uid } = proxy;
  if (uid === undefined) return skip(noTable);
  if (uid === proxyUid) return ok(`${uid}, whom the redirect exempts by default`);
  if (passthrough === 'off') return ok(`${uid}; pass-through is off, so nobody needs an exemption`);
  const evidence = { 'user of the proxy': uid, 'pass-through': passthrough ?? '(unknown)' };
  const summary = `the proxy runs as user ${uid}, and not as ${proxyUid}`;
  const fix = `A runAsUser of the pod or of the container does that. Set runAsUser: ${proxyUid} and runAsGroup: ${proxyUid} in the securityContext of the proxy's container. Where the pod dictates the user, set INIT_EXEMPT=alias-port for proxy-init, and IMDS_PROXY_METADATA_ENDPOINT for the proxy.`;
  switch (destination?.kind) {
    case 'proxy':
      return fail(`${summary}: the redirect catches its own requests, and pass-through fails`, {
        evidence,
        fix,
        docs: docs.exempt,
      });
    case undefined:
      return warn(`${summary}: whether the redirect exempts that user cannot be seen from here`, {
        evidence,
        fix: `Run the doctor in the sidecar: kubectl exec POD -c azwi-proxy -- /proxy doctor. ${fix}`,
        docs: docs.exempt,
      });
    default:
      return ok(`${uid}, whom the redirect exempts`, { evidence });
  }
}
