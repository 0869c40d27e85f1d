import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { V1Node, V1TokenReview } from '@kubernetes/client-node';
import { extendImage, type Images, removeImage } from './docker-images.ts';
import { startEmulator } from './emulator.ts';
import type { Cluster } from './kubernetes-cluster.ts';

/** The images of pods in a cluster. */
export type PodImages = Pick<Images, 'proxy' | 'init' | 'pause' | 'app'>;

/** Entra as the pods of a real cluster have it: an emulator on the bridge of the pods. Plain JSON but `stop`. */
export interface KubernetesTenant {
  /** `proxy` trusts the tenant's CA beside the public ones, as an image of a company trusts its own. */
  readonly images: PodImages;
  readonly tenantId: string;
  readonly authorityHost: string;
  readonly caPem: string;
  readonly adminUrl: string;
  /** `iss` of the pods' tokens: the API server. */
  readonly issuerUrl: string;
  readonly tokenProxy: {
    readonly url: string;
    readonly serverName: string;
    readonly caPem: string;
  };
  stop(): Promise<void>;
}

/** The audience of tokens for a token proxy. */
const bindingAudience = 'api://AKSIdentityBinding';

/**
 * Starts a tenant without identities. It takes the issuer's keys from the API server, and has no others for
 * that issuer; its token proxy asks the API server whose a token is.
 * @param state the folder of the cluster, with its CA
 */
export async function startKubernetesTenant(
  cluster: Cluster,
  { state, images }: { readonly state: string; readonly images: PodImages },
): Promise<KubernetesTenant> {
  // As NODE_EXTRA_CA_CERTS has a process trust an issuer that has no public certificate.
  const clusterCa = await readFile(join(state, 'ca.crt'), 'utf8');
  setDefaultCACertificates([...getCACertificates('default'), clusterCa]);
  const issuerUrl = await readIssuer(cluster);
  // As deploy/ has it.
  const tenantId = '22222222-2222-4222-8222-222222222222';
  const emulator = await startEmulator({
    host: await findBridgeAddress(cluster),
    tenantId,
    identities: [],
    identityBinding: true,
    reviewToken: (token) => reviewToken(cluster, token),
  });
  const tag = `${images.proxy}-kubernetes`;
  try {
    const { tokenProxy } = emulator;
    if (tokenProxy === undefined) throw new Error('the emulator has no token proxy');
    await extendImage(tag, images.proxy, {
      context: join(emulator.caFile, '..'),
      file: 'ca.crt',
      variable: 'NODE_EXTRA_CA_CERTS',
    });
    const { url, serverName, caPem } = tokenProxy;
    return {
      images: { ...images, proxy: tag },
      tenantId,
      authorityHost: emulator.authorityHost,
      caPem: emulator.caPem,
      adminUrl: emulator.adminUrl,
      issuerUrl,
      tokenProxy: { url, serverName, caPem },
      async stop() {
        await removeImage(tag);
        await emulator.stop();
      },
    };
  } catch (error) {
    await emulator.stop();
    throw error;
  }
}

async function readIssuer(cluster: Cluster): Promise<string> {
  const path = '/.well-known/openid-configuration';
  return JSON.parse(await cluster.kubectl(['get', '--raw', path])).issuer;
}

/** The node is this machine, by the address that pods reach it at. */
async function findBridgeAddress(cluster: Cluster): Promise<string> {
  const { status } = await cluster.get<V1Node>('node', 'node');
  const found = status?.addresses?.find(({ type }) => type === 'InternalIP');
  if (found === undefined) throw new Error('the node has no address');
  return found.address;
}

async function reviewToken(cluster: Cluster, token: string): Promise<string | undefined> {
  const { status } = await cluster.ask<V1TokenReview>({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [bindingAudience] },
  });
  return status?.authenticated === true ? status.user?.username : undefined;
}
