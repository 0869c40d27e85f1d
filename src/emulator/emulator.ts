import { rm, rmdir } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import { createAdminHandler } from './admin/admin-handler.ts';
import { createAdminRoutes } from './admin/admin-routes.ts';
import type { Emulator, EmulatorDescription, EmulatorOptions } from './api.ts';
import { systemClock } from './clock.ts';
import { createEntraTenant } from './entra-tenant/entra-tenant.ts';
import { toIdentity } from './entra-tenant/identity.ts';
import { createFaultScript } from './faults/fault-script.ts';
import { fetchJson } from './http/fetch-json.ts';
import { type Listener, listen } from './http/listener.ts';
import { createJournal } from './journal.ts';
import { createSigningKeys } from './keys/signing-keys.ts';
import { createIssuerHandler } from './kubernetes-issuer/issuer-handler.ts';
import { createKubernetesIssuer } from './kubernetes-issuer/kubernetes-issuer.ts';
import { createProjectedFile } from './kubernetes-issuer/projected-file.ts';
import { createProjectedToken } from './kubernetes-issuer/projected-token.ts';
import { toSubject } from './kubernetes-issuer/service-account-claims.ts';
import { toStableGuid } from './stable-guid.ts';
import { writeCaFile } from './tls/ca-file.ts';
import { createServerIdentity } from './tls/throwaway-ca.ts';

/**
 * Starts a Kubernetes token issuer, an Entra tenant that can trust it, and the admin API of both; resolves
 * when all of them listen and the token file is written.
 * @throws Error that says what to change; nothing is left behind then
 */
export async function createEmulator(options: EmulatorOptions): Promise<Emulator> {
  const cleanups: (() => Promise<unknown>)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    return await start(options, cleanups, cleanUp);
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function start(
  options: EmulatorOptions,
  cleanups: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<Emulator> {
  const { clock = systemClock, host = '127.0.0.1', adminHost = '127.0.0.1' } = options;
  const onError = options.onError ?? throwLater;
  const publicName = options.publicName ?? (isWildcard(host) ? 'localhost' : host);
  const tenantId = (options.tenantId ?? toStableGuid('tenant')).toLowerCase();
  const stateDirectory = resolve(options.stateDirectory);
  const caFile = join(stateDirectory, 'ca.crt');

  const names = [
    ...new Set([publicName, 'localhost', '127.0.0.1', '::1', ...(options.names ?? [])]),
  ];
  const [tls, tenantKeys, kubernetesKeys] = await Promise.all([
    createServerIdentity(names, clock.epochMs()),
    createSigningKeys(),
    createSigningKeys(),
  ]);
  const listenTls = (name: string, port = 0): Promise<Listener> => {
    const server = createHttpsServer({ cert: tls.certificatePem, key: tls.privateKeyPem });
    return keep(listen(server, { name, host, port }));
  };
  const keep = async (starting: Promise<Listener>): Promise<Listener> => {
    const listener = await starting;
    cleanups.push(() => listener.stop());
    return listener;
  };
  const issuerListener = await listenTls('issuer', options.issuerPort);
  const tenantListener = await listenTls('tenant', options.tenantPort);
  const adminListener = await keep(
    listen(createHttpServer(), {
      name: 'admin API',
      host: adminHost,
      port: options.adminPort ?? 0,
    }),
  );

  const authorityHost = toOrigin('https', publicName, tenantListener.port);
  const issuerUrl = options.issuerUrl ?? `${toOrigin('https', publicName, issuerListener.port)}/`;
  const faults = createFaultScript({ clock });
  const journal = createJournal(clock, options.onRequest);
  const issuer = createKubernetesIssuer({ clock, keys: kubernetesKeys }, { url: issuerUrl });
  const tenant = createEntraTenant(
    {
      clock,
      keys: tenantKeys,
      // Our own issuer's documents are at hand, even if its URL leads nowhere.
      fetchJson: async (url) => issuer.document(url) ?? (await fetchJson(url, tls.caPem)),
      faults,
      journal,
      listener: tenantListener,
      onError,
    },
    {
      tenantId,
      authorityHost,
      tenantDomains: (options.tenantDomains ?? []).map((domain) => domain.toLowerCase()),
      resources: options.resources ?? 'any',
      tokenLifetimeSeconds: options.tokenLifetimeSeconds,
      allowedSkewSeconds: options.allowedSkewSeconds ?? 300,
    },
  );

  const serviceAccount = {
    namespace: options.namespace ?? 'default',
    name: options.serviceAccount ?? 'demo',
  };
  const audience = options.audience ?? 'api://AzureADTokenExchange';
  const file = createProjectedFile(clock, {
    directory: join(stateDirectory, 'token'),
    name: 'azure-identity-token',
  });
  const token = createProjectedToken(
    { clock, issuer, file, onError },
    {
      serviceAccount,
      audiences: [audience],
      lifetimeSeconds: options.assertionLifetimeSeconds ?? 3600,
    },
  );
  if (options.ephemeral === true) {
    cleanups.push(async () => {
      await Promise.all([rm(caFile, { force: true }), file.remove()]);
      // Only what was written here: somebody else's files stay, and the directory with them.
      await rmdir(stateDirectory).catch(() => undefined);
    });
  }
  cleanups.push(() => token.stop());

  const emulator: Emulator = {
    authorityHost,
    issuerUrl,
    adminUrl: toOrigin('http', isWildcard(adminHost) ? 'localhost' : adminHost, adminListener.port),
    tenantId,
    caPem: tls.caPem,
    caFile,
    tokenFile: file.path,
    identities: tenant.identities,
    faults,
    journal,
    issuer,
    addIdentity(input) {
      const subject = toSubject(serviceAccount);
      const credential = { issuer: issuerUrl, subject, audience };
      const identity = toIdentity(input, { tenantId, credential });
      tenant.identities.put(identity);
      return identity;
    },
    mintAssertion: (overrides) => token.mint(overrides),
    projectToken: (overrides) => token.project(overrides),
    rotateTokenFile: () => token.rotate(),
    async rotateIssuerKey({ retireOld = false } = {}) {
      await kubernetesKeys.rotate();
      if (!retireOld) return;
      kubernetesKeys.retireOld();
      tenant.issuerKeys.forget(issuerUrl);
    },
    async rotateTenantKey({ retireOld = false } = {}) {
      await tenantKeys.rotate();
      if (retireOld) tenantKeys.retireOld();
    },
    describe: () => toDescription(emulator),
    stop,
  };
  for (const identity of options.identities ?? [{ name: 'demo' }]) emulator.addIdentity(identity);

  issuerListener.handle(createIssuerHandler({ issuer, journal }));
  tenantListener.handle(tenant.handler);
  adminListener.handle(createAdminHandler(createAdminRoutes(emulator), onError));
  await Promise.all([writeCaFile(caFile, tls.caPem), token.rotate()]);
  return emulator;
}

function toDescription(emulator: Emulator): EmulatorDescription {
  const { authorityHost, issuerUrl, adminUrl, tenantId, caFile, tokenFile } = emulator;
  const identities = emulator.identities.list();
  const [first] = identities;
  return {
    authorityHost,
    issuerUrl,
    adminUrl,
    tenantId,
    caFile,
    tokenFile,
    identities,
    env: {
      AZURE_AUTHORITY_HOST: authorityHost,
      AZURE_TENANT_ID: first?.tenantId ?? tenantId,
      ...(first === undefined ? {} : { AZURE_CLIENT_ID: first.clientId }),
      AZURE_FEDERATED_TOKEN_FILE: tokenFile,
      NODE_EXTRA_CA_CERTS: caFile,
    },
  };
}

function toOrigin(scheme: 'http' | 'https', name: string, port: number): string {
  return `${scheme}://${isIPv6(name) ? `[${name}]` : name}:${port}`;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Nobody listens, so nothing is hidden: the process ends as for any uncaught exception. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
