import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { EmulatorOptions } from './api.ts';
import { type Listener, listen } from './http/listener.ts';
import { toOrigin, toReachableName } from './http/origin.ts';
import type { ServerIdentity } from './tls/throwaway-ca.ts';

/** The three servers of an emulator, listening, and how clients call them. */
export interface Servers {
  readonly issuer: Listener;
  readonly tenant: Listener;
  readonly admin: Listener;
  readonly issuerOrigin: string;
  readonly tenantOrigin: string;
  readonly adminOrigin: string;
}

/** Name or address that clients reach tenant and issuer by. */
export function toPublicName({ host = loopback, publicName }: EmulatorOptions): string {
  return publicName ?? toReachableName(host);
}

/**
 * @param onStart called with each server as soon as it listens, so that it can be stopped if the next cannot
 * @throws Error that names the server, its port and what to change
 */
export async function startServers(
  options: EmulatorOptions,
  tls: ServerIdentity,
  onStart: (listener: Listener) => void,
): Promise<Servers> {
  const { host = loopback, adminHost = loopback } = options;
  const startTls = async (name: string, port = 0): Promise<Listener> => {
    const server = createHttpsServer({ cert: tls.certificatePem, key: tls.privateKeyPem });
    const listener = await listen(server, { name, host, port });
    onStart(listener);
    return listener;
  };
  const issuer = await startTls('issuer', options.issuerPort);
  const tenant = await startTls('tenant', options.tenantPort);
  const { adminPort: port = 0 } = options;
  const admin = await listen(createHttpServer(), { name: 'admin API', host: adminHost, port });
  onStart(admin);
  const publicName = toPublicName(options);
  return {
    issuer,
    tenant,
    admin,
    issuerOrigin: toOrigin('https', publicName, issuer.port),
    tenantOrigin: toOrigin('https', publicName, tenant.port),
    adminOrigin: toOrigin('http', toReachableName(adminHost), admin.port),
  };
}

const loopback = '127.0.0.1';
