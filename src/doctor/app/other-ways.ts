import { aliasPort, metadataAddress } from '../../shared/redirect-contract.ts';
import { readSmallFile } from '../../shared/small-file.ts';
import { type Finding, ok, skip, warn } from '../engine/check.ts';
import { type Trace, traceConnection } from '../network/trace.ts';
import type { AppProcess } from './processes.ts';

/** Ways to the identity of the node that the redirect leaves open. docs/redirect.md, "Hardening". */
const docs = 'docs/redirect.md#hardening';

/** Azure's wire server, which hands out the configuration of the node. */
const wireServer = { address: '168.63.129.16', ports: [80, 32_526] };

/** The metadata service has port 80 alone; a node may have these besides, the last for `alias-port`. */
const otherPorts = [443, 8080, aliasPort];

interface Reached {
  readonly port: number;
  readonly trace: Trace;
}

/** Connects to each port at the same time. */
async function tryPorts(address: string, ports: readonly number[]): Promise<readonly Reached[]> {
  return Promise.all(
    ports.map(async (port) => ({ port, trace: await traceConnection({ address, port }) })),
  );
}

/** @returns the ports that something outside of this pod answers on */
function findOpen(reached: readonly Reached[]): readonly number[] {
  return reached
    .filter(({ trace }) => trace.kind === 'connected' && trace.receiver === undefined)
    .map(({ port }) => port);
}

/** Whether the metadata address answers on ports that the redirect does not take. */
export async function checkMetadataPorts(): Promise<Finding> {
  const open = findOpen(await tryPorts(metadataAddress, otherPorts));
  if (open.length === 0)
    return ok(`${metadataAddress} answers on no other port (${otherPorts.join(', ')})`);
  const summary = `${metadataAddress} answers this pod on port ${open.join(', ')}, past the redirect`;
  return open.includes(aliasPort)
    ? warn(summary, {
        fix: `INIT_EXEMPT=alias-port opens port ${aliasPort} to every process of the pod. If the proxy can run as its own user, set INIT_EXEMPT=uid+gid.`,
        docs,
      })
    : warn(summary, {
        fix: 'Set INIT_GUARD=imds for proxy-init. It refuses the address to everybody but the proxy, on all ports.',
        docs,
      });
}

/** Whether Azure's wire server answers. */
export async function checkWireServer(): Promise<Finding> {
  const { address, ports } = wireServer;
  const open = findOpen(await tryPorts(address, ports));
  if (open.length === 0) return ok(`${address} answers neither on port 80 nor on 32526`);
  return warn(`the wire server ${address} answers this pod on port ${open.join(', ')}`, {
    fix: 'It hands out the configuration of the node. Set INIT_GUARD=imds+wireserver for proxy-init.',
    docs,
  });
}

/** Links that container runtimes and hypervisors make inside of a pod. */
const nestingLink = /^(?:docker\d|br-[\da-f]{12}$|cni\d|cbr\d|podman\d|virbr\d|k6t-|flannel\.)/;

/** @param root stands in for /proc */
export async function checkNested(root = '/proc'): Promise<Finding> {
  const [links, forward] = await Promise.all(
    ['self/net/dev', 'sys/net/ipv4/ip_forward'].map((file) =>
      readSmallFile(`${root}/${file}`, maxLinksBytes).catch(() => undefined),
    ),
  );
  if (links === undefined) return skip('/proc/net/dev, the list of links, cannot be read');
  return judgeNested(parseNestingLinks(links), forward?.trim());
}

/** A pod with 1,000 links has a list of this size. */
const maxLinksBytes = 256 * 1_024;

/** The names of the links in `/proc/net/dev` behind which containers or machines of this pod may be. */
export function parseNestingLinks(text: string): readonly string[] {
  const names = [...text.matchAll(/^\s*([^\s:]+):/gm)].map(([, name = '']) => name);
  return names.filter((name) => nestingLink.test(name));
}

/** @param forward the kernel's `ip_forward`; undefined if it cannot be read */
export function judgeNested(links: readonly string[], forward: string | undefined): Finding {
  const [link] = links;
  if (link === undefined) return ok('no link of nested containers or machines');
  const evidence = { links: links.join(', '), 'IP forwarding': forward ?? '(unknown)' };
  if (forward === '0') return ok(`${link} is there, and the pod forwards nothing`, { evidence });
  // Only a packet that is forwarded meets the rule, and writing one takes a network namespace or NET_RAW.
  return skip(
    `only a container behind ${link} can see it. In one of them, run: wget -T 5 -O - --header Metadata:true 'http://${metadataAddress}/metadata/instance?api-version=2021-02-01'. It must fail (INIT_FORWARDED=refuse)`,
    { evidence, docs: 'docs/redirect.md#nested-containers-and-virtual-machines' },
  );
}

/** Whether the application could write packets or rules itself. */
export function judgeCapabilities(apps: readonly AppProcess[]): Finding {
  if (apps.length === 0) return skip(noApplication);
  const admin = apps.find(({ hasNetAdmin }) => hasNetAdmin);
  if (admin !== undefined) {
    return warn(
      `${admin.program} (process ${admin.pid}) has NET_ADMIN, and can remove the redirect`,
      {
        fix: 'Drop it: securityContext.capabilities.drop: [ALL]. No setting of proxy-init helps against it.',
        docs,
      },
    );
  }
  const raw = apps.find(({ hasNetRaw }) => hasNetRaw);
  if (raw !== undefined) {
    return warn(
      `${raw.program} (process ${raw.pid}) has NET_RAW, and can write packets past the redirect`,
      {
        fix: 'Drop it: securityContext.capabilities.drop: [NET_RAW]. Where you cannot, set INIT_PACKET_GUARD=on for proxy-init.',
        docs,
      },
    );
  }
  return ok('the application has neither NET_ADMIN nor NET_RAW');
}

/** Continues "because". */
export const noApplication =
  'no process of the application is in sight: add --target=CONTAINER to kubectl debug';
