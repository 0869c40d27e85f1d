import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import { proxyUid } from '../../shared/redirect-contract.ts';
import { type Check, type Finding, fail, ok, skip, warn } from '../engine/check.ts';
import { type Trace, traceConnection } from '../network/trace.ts';
import { readProcess } from './running-process.ts';
import type { RunningProxy } from './running-proxy.ts';

const docs = 'docs/redirect.md#who-is-exempt';

/** Whether the proxy's user reaches the metadata service of the node. It should only for pass-through. */
export function createNodeMetadataCheck(
  config: ProxyConfig,
  proxy: RunningProxy | undefined,
): Check {
  return {
    id: 'node-metadata',
    needs: ['settings'],
    async run() {
      const uid = process.geteuid?.();
      const owner = proxy === undefined ? undefined : (await readProcess(proxy.pid)).uid;
      if (owner !== undefined && owner !== uid) {
        return skip(
          `the proxy runs as user ${owner}, this doctor as ${uid}, and the redirect tells users apart`,
        );
      }
      return judgeNodeMetadata(await traceConnection(config.metadataEndpoint), config, uid);
    },
  };
}

export function judgeNodeMetadata(
  trace: Trace,
  {
    passthrough,
    proxyPort,
    metadataEndpoint,
  }: Pick<ProxyConfig, 'passthrough' | 'proxyPort' | 'metadataEndpoint'>,
  uid: number | undefined,
): Finding {
  const { address, port } = metadataEndpoint;
  const at = `${address}:${port}`;
  const evidence = { user: uid ?? '(unknown)', 'pass-through': passthrough };
  const isWanted = passthrough !== 'off';
  if (trace.kind !== 'connected') {
    const how = trace.kind === 'silent' ? 'does not answer' : `refuses connections (${trace.code})`;
    if (!isWanted) return ok(`${at} ${how}, and pass-through is off`, { evidence });
    return skip(`${at} ${how}: the proxy answers other metadata paths with 404`, { evidence });
  }
  if (trace.receiver?.port === proxyPort) {
    if (!isWanted)
      return ok('the redirect includes the proxy itself, and pass-through is off', { evidence });
    const fix = `The redirect exempts another user than ${uid}. Remove runAsUser and runAsGroup of the pod for this container, so that it runs as ${proxyUid}, or set PROXY_UID and PROXY_GID of proxy-init to ${uid} and its group. Where the pod dictates the user, set INIT_EXEMPT=alias-port.`;
    return fail(
      `the proxy's own requests to ${at} come back to it: user ${uid} is not exempt from the redirect`,
      {
        evidence,
        fix,
        docs,
      },
    );
  }
  if (trace.receiver !== undefined) {
    if (!isWanted) {
      return ok(`${at} leads to port ${trace.receiver.port} of this pod, and pass-through is off`, {
        evidence,
      });
    }
    return fail(`${at} leads to port ${trace.receiver.port} of this pod`, {
      evidence: { ...evidence, 'that port belongs to user': trace.receiver.uid ?? '(unknown)' },
      fix: 'Another program redirects the connections of the proxy, such as a service mesh. Exclude 169.254.169.254 there, or set INIT_BACKEND=nft for proxy-init.',
      docs: 'docs/redirect.md#service-meshes-and-other-rules',
    });
  }
  if (isWanted) return ok(`${at} answers, for pass-through`, { evidence });
  return warn(`user ${uid} reaches the metadata service of the node, and pass-through is off`, {
    evidence,
    fix: 'Nobody needs the exemption: set INIT_EXEMPT=none for proxy-init. Then no process can get the identity of the node by running as this user.',
    docs,
  });
}
