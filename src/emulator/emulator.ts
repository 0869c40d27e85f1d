import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createAdminHandler } from './admin/admin-handler.ts';
import { createAdminRoutes } from './admin/admin-routes.ts';
import type { Emulator, EmulatorOptions } from './api.ts';
import { systemClock } from './clock.ts';
import { toDescription } from './description.ts';
import { createEntraTenant } from './entra-tenant/entra-tenant.ts';
import { toIdentity } from './entra-tenant/identity.ts';
import { createFaultScript } from './faults/fault-script.ts';
import { fetchJson } from './http/fetch-json.ts';
import type { Listener } from './http/listener.ts';
import { createJournal } from './journal.ts';
import { createSigningKeys } from './keys/signing-keys.ts';
import { createIssuerHandler } from './kubernetes-issuer/issuer-handler.ts';
import { createKubernetesIssuer } from './kubernetes-issuer/kubernetes-issuer.ts';
import { createProjectedFile } from './kubernetes-issuer/projected-file.ts';
import { createProjectedToken } from './kubernetes-issuer/projected-token.ts';
import { toSubject } from './kubernetes-issuer/service-account-claims.ts';
import { startServers, toPublicName } from './servers.ts';
import { toStableGuid } from './stable-guid.ts';
import { writeCaFile } from './tls/ca-file.ts';
import { createServerIdentity } from './tls/throwaway-ca.ts';
import { createBindingIssuer } from './token-proxy/binding-issuer.ts';
import { startIdentityBinding } from './token-proxy/identity-binding.ts';
import { bindingAudience, reviewToken } from './token-proxy/token-review.ts';

/** The clean-up when an emulator stops, in the order in which it was set up. */
type Cleanups = (() => Promise<unknown>)[];

/**
 * Starts a Kubernetes token issuer, an Entra tenant that can trust it, and the admin API of both; resolves
 * when all of them listen and the token file is written.
 * @throws Error that says what to change; what had been started is stopped again then
 */
export async function createEmulator(options: EmulatorOptions): Promise<Emulator> {
  const cleanups: Cleanups = [];
  const stop = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    return await start(options, cleanups, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  options: EmulatorOptions,
  cleanups: Cleanups,
  stop: () => Promise<void>,
): Promise<Emulator> {
  const { clock = systemClock, onError = throwLater, names = [] } = options;
  const tenantId = (options.tenantId ?? toStableGuid('tenant')).toLowerCase();
  const stateDirectory = resolve(options.stateDirectory);

  const [tls, tenantKeys, issuerKeys, bindingKeys] = await Promise.all([
    createServerIdentity(
      [...new Set([toPublicName(options), 'localhost', '127.0.0.1', '::1', ...names])],
      clock.epochMs(),
    ),
    createSigningKeys(),
    createSigningKeys(),
    options.identityBinding === true ? createSigningKeys() : undefined,
  ]);
  const onStart = (listener: Listener): void => {
    cleanups.push(() => listener.stop());
  };
  const servers = await startServers(options, tls, onStart);

  const issuerUrl = options.issuerUrl ?? `${servers.issuerOrigin}/`;
  const faults = createFaultScript({ clock });
  const journal = createJournal(clock, options.onRequest);
  const issuer = createKubernetesIssuer({ clock, keys: issuerKeys }, { url: issuerUrl });
  const bindingIssuer = bindingKeys && createBindingIssuer({ clock, keys: bindingKeys });
  const tenant = createEntraTenant(
    {
      clock,
      keys: tenantKeys,
      // Our own issuer's documents are at hand, even if its URL leads nowhere.
      fetchJson: async (url) =>
        issuer.document(url) ?? bindingIssuer?.document(url) ?? (await fetchJson(url, tls.caPem)),
      faults,
      journal,
      listener: servers.tenant,
      onError,
    },
    {
      tenantId,
      authorityHost: servers.tenantOrigin,
      tenantDomains: (options.tenantDomains ?? []).map((domain) => domain.toLowerCase()),
      otherCloud: options.otherCloud,
      resources: options.resources ?? 'any',
      tokenLifetimeSeconds: options.tokenLifetimeSeconds,
      refreshInSeconds: options.refreshInSeconds,
      allowedSkewSeconds: options.allowedSkewSeconds ?? 300,
    },
  );

  const { namespace = 'default', serviceAccount = 'demo' } = options;
  const { assertionLifetimeSeconds = 3600 } = options;
  const federationAudience = options.audience ?? 'api://AzureADTokenExchange';
  const audience = bindingIssuer === undefined ? federationAudience : bindingAudience;
  const caFile = join(stateDirectory, 'ca.crt');
  const tokenFile = createProjectedFile(clock, {
    directory: join(stateDirectory, 'token'),
    name: 'azure-identity-token',
  });
  const token = createProjectedToken(
    { clock, issuer, file: tokenFile, onError },
    {
      serviceAccount: { namespace, name: serviceAccount },
      audiences: [audience],
      lifetimeSeconds: assertionLifetimeSeconds,
    },
  );

  const binding =
    bindingIssuer &&
    (await startIdentityBinding(
      {
        clock,
        journal,
        issuer,
        bindingIssuer,
        review: options.reviewToken ?? ((token) => reviewToken({ clock, issuer }, token)),
        identities: tenant.identities,
        authorityHost: servers.tenantOrigin,
        entraCaPem: tls.caPem,
        onStart,
        onError,
      },
      {
        stateDirectory,
        host: options.host ?? '127.0.0.1',
        port: options.tokenProxyPort ?? 0,
        publicName: toPublicName(options),
        serviceAccount: { namespace, name: serviceAccount },
        federationAudience,
        assertionLifetimeSeconds,
      },
    ));
  const subject = toSubject({ namespace, name: serviceAccount });

  const emulator: Emulator = {
    authorityHost: servers.tenantOrigin,
    issuerUrl,
    adminUrl: servers.adminOrigin,
    tenantId,
    caPem: tls.caPem,
    caFile,
    tokenFile: tokenFile.path,
    federationTokenFile: binding?.federationTokenFile,
    identities: tenant.identities,
    faults,
    journal,
    issuer,
    tokenProxy: binding?.tokenProxy,
    addIdentity(input) {
      const credential = { issuer: issuerUrl, subject, audience: federationAudience };
      const identity = toIdentity(input, { tenantId, credential });
      tenant.identities.put(identity);
      return binding?.adopt(identity, input.binding) ?? identity;
    },
    mintAssertion: (overrides) => token.mint(overrides),
    projectToken: (overrides) => token.project(overrides),
    rotateTokenFile: () => token.rotate(),
    async rotateIssuerKey({ retireOld = false } = {}) {
      await issuerKeys.rotate();
      if (!retireOld) return;
      issuerKeys.retireOld();
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

  servers.issuer.handle(createIssuerHandler({ issuer, journal }));
  servers.tenant.handle(tenant.handler);
  servers.admin.handle(createAdminHandler(createAdminRoutes(emulator), onError));

  if (options.ephemeral === true) {
    cleanups.push(async () => {
      await Promise.all([rm(caFile, { force: true }), tokenFile.remove(), binding?.remove()]);
      // Only our own files: other files stay, and the directory with them.
      await rmdir(stateDirectory).catch(() => undefined);
    });
  }
  cleanups.push(() => Promise.all([token.stop(), binding?.stop()]));
  await tenant.warmUp(await token.mint());
  try {
    await mkdir(stateDirectory, { recursive: true });
    await Promise.all([writeCaFile(caFile, tls.caPem), token.rotate(), binding?.write()]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `the state directory ${stateDirectory} cannot be written (${reason}): make it writable or choose another`,
      { cause: error },
    );
  }
  return emulator;
}

/** Nobody listens, so nothing is hidden: the process ends as for any uncaught exception. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
