import { proxyPort as defaultPort, proxyUid } from '../../shared/redirect-contract.ts';
import { toErrorCode } from '../../shared/small-file.ts';
import { buildInfo } from '../../shared/version.ts';
import { type Finding, fail, ok, warn } from '../engine/check.ts';
import { getFrom } from '../network/http-get.ts';
import { readSocketsIfSeen, type SocketRow } from '../network/sockets.ts';
import { findVersion } from '../sidecar/proxy-checks.ts';

/** The listener of this network namespace that is, or should be, the proxy. */
export type PodProxy =
  | {
      readonly kind: 'answers';
      readonly port: number;
      readonly uid: number | undefined;
      readonly version: string;
    }
  | {
      readonly kind: 'hangs';
      readonly port: number;
      readonly uid: number | undefined;
      readonly code: string;
    }
  | {
      readonly kind: 'stranger';
      readonly port: number;
      readonly uid: number | undefined;
      readonly server: string;
    }
  | { readonly kind: 'none'; readonly port: number; readonly ports: readonly number[] };

type Listener = Pick<SocketRow, 'localAddress' | 'localPort'> & {
  readonly uid: number | undefined;
};

/** A proxy that is up answers within milliseconds. */
const answerMs = 4_000;

/** The proxy has two listeners, and another user of the pod may have the same number. */
const maxCandidates = 4;

const logCommands =
  'Look at its log and at the reason of its last stop: kubectl logs POD -c azwi-proxy --previous; kubectl describe pod POD.';

const docs = 'docs/troubleshooting.md#the-container-does-not-start';

/**
 * Finds the proxy without its settings, which no other container has: it listens on the usual port, or its user
 * listens on another one. Connects to no other listener of the pod.
 * @param port that of the proxy, if it is known
 */
export async function findPodProxy(port?: number): Promise<PodProxy> {
  const sockets = await readSocketsIfSeen();
  if (sockets === undefined) return askUnseen(port ?? defaultPort);
  const listeners = sockets.filter(({ isListening }) => isListening);
  const wanted = listeners.filter(({ localPort }) => localPort === (port ?? defaultPort));
  const likely = listeners.filter(({ uid }) => port === undefined && uid === proxyUid);
  const found = await Promise.all([...wanted, ...likely].slice(0, maxCandidates).map(ask));
  const best = found.find(({ kind }) => kind === 'answers') ?? found[0];
  if (best !== undefined) return best;
  const ports = [...new Set(listeners.map(({ localPort }) => localPort))];
  return { kind: 'none', port: port ?? defaultPort, ports: ports.toSorted((a, b) => a - b) };
}

async function ask({ localAddress, localPort: port, uid }: Listener): Promise<PodProxy> {
  const address = toConnectable(localAddress);
  try {
    const answer = await getFrom({ address, port }, '/readyz', { timeoutMs: answerMs });
    // The admin port answers as well, but does not call itself IMDS.
    const version = findVersion(answer);
    if (version !== undefined) return { kind: 'answers', port, uid, version };
    return { kind: 'stranger', port, uid, server: String(answer.headers['server'] ?? '(none)') };
  } catch (error) {
    return { kind: 'hangs', port, uid, code: toErrorCode(error) };
  }
}

/** Without the table of sockets, only the port itself can tell. Its user stays unknown. */
async function askUnseen(port: number): Promise<PodProxy> {
  const found = await ask({ localAddress: '127.0.0.1', localPort: port, uid: undefined });
  return found.kind === 'hangs' && found.code === 'ECONNREFUSED'
    ? { kind: 'none', port, ports: [] }
    : found;
}

/** A listener on every address has no address to connect to. */
function toConnectable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

/** Whether a proxy of this version answers in this pod. */
export function judgePodProxy(proxy: PodProxy): Finding {
  const { port } = proxy;
  switch (proxy.kind) {
    case 'answers': {
      const { version, uid } = proxy;
      const evidence = { port, user: uid ?? '(unknown)', version };
      if (version === buildInfo.version)
        return ok(`${version} answers on port ${port}, as user ${uid ?? '(unknown)'}`, {
          evidence,
        });
      return warn(`the proxy of this pod is ${version}, and this doctor ${buildInfo.version}`, {
        evidence,
        fix: 'Run the doctor of the same version: give kubectl debug the image of the proxy in this pod.',
        docs: 'docs/upgrade.md',
      });
    }
    case 'hangs':
      return fail(`the listener on port ${port} does not answer (${proxy.code})`, {
        evidence: { user: proxy.uid ?? '(unknown)' },
        fix: `If it is the proxy, it may be stopped, or starved of CPU or memory. ${logCommands}`,
        docs,
      });
    case 'stranger':
      return fail(`another program has port ${port}`, {
        evidence: { user: proxy.uid ?? '(unknown)', server: proxy.server },
        fix: `If the proxy listens on another port, run this with --proxy-port=PORT. Otherwise give the proxy a port that no container of the pod uses: --proxy-port (IMDS_PROXY_PROXY_PORT) for the proxy, and the same in PROXY_PORT for proxy-init.`,
        docs,
      });
    case 'none':
      return fail(`no proxy runs in this pod: nothing listens on port ${port}`, {
        evidence: { 'ports in use': proxy.ports.slice(0, 20).join(', ') || 'none' },
        fix: logCommands,
        docs,
      });
  }
}
