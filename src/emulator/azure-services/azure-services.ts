import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Clock } from '../clock.ts';
import { listen } from '../http/listener.ts';
import { toRequestUrl } from '../http/request-url.ts';
import { toJsonAnswer, writeAnswer } from '../http/wire-answer.ts';
import { createServerIdentity } from '../tls/throwaway-ca.ts';
import { type Caller, createBearerCheck, type TrustedTenant } from './bearer.ts';
import type { AzureService, ServiceAnswer, ServiceRequest } from './service.ts';

/** A request that has been answered, and why so. */
export interface ServiceEntry {
  readonly host: string;
  readonly method: string;
  /** With its query. */
  readonly target: string;
  readonly caller: Caller;
  readonly answer: ServiceAnswer;
}

/** Services that listen; disposing of them ends every connection. */
export interface AzureServices extends AsyncDisposable {
  /** The CA that clients must trust. */
  readonly caPem: string;
  readonly port: number;
  /** Names that must lead to this server. */
  readonly hosts: readonly string[];
}

/**
 * Lets services that trust the tenant listen on one port of loopback, each under its own name, by TLS.
 * @throws Error that says why the port cannot be had
 */
export async function startAzureServices(
  {
    clock,
    tenant,
    onRequest = () => {},
  }: {
    readonly clock: Clock;
    readonly tenant: TrustedTenant;
    readonly onRequest?: (entry: ServiceEntry) => void;
  },
  {
    services,
    port = 443,
  }: {
    readonly services: readonly AzureService[];
    /** 0 for any. Applications know no other than the default, 443. */
    readonly port?: number;
  },
): Promise<AzureServices> {
  const hosts = services.map(({ host }) => host);
  const tls = await createServerIdentity([...hosts, 'localhost', '127.0.0.1'], clock.epochMs());
  const listener = await listen(
    createServer({ cert: tls.certificatePem, key: tls.privateKeyPem }),
    { name: 'Azure services', host: '127.0.0.1', port },
  );
  const check = createBearerCheck({ clock, tenant });

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const service = findService(services, request);
    if (service === undefined) {
      const message = `${request.headers.host} is none of ${hosts.join(', ')}`;
      writeAnswer(response, toJsonAnswer(421, { error: { code: 'Misdirected', message } }));
      return;
    }
    const { method = '', url: target = '' } = request;
    const caller = await check(request.headers.authorization, service.audiences);
    const url = toRequestUrl(request, `https://${service.host}`);
    const answer = ask(service, { method, url, headers: request.headers }, caller);
    writeAnswer(response, answer, answer.headers);
    onRequest({ host: service.host, method, target, caller, answer });
  };
  listener.handle((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      writeAnswer(response, toJsonAnswer(500, { error: { code: 'InternalError', message } }));
    });
  });
  return {
    caPem: tls.caPem,
    port: listener.port,
    hosts,
    [Symbol.asyncDispose]: () => listener.stop(),
  };
}

/** A single service also answers where it cannot have its name. */
function findService(
  services: readonly AzureService[],
  { headers }: IncomingMessage,
): AzureService | undefined {
  const [name] = (headers.host ?? '').toLowerCase().split(':');
  const [only, ...others] = services;
  if (others.length === 0 && name === 'localhost') return only;
  return services.find(({ host }) => host === name);
}

function ask(
  service: AzureService,
  request: Omit<ServiceRequest, 'clientId'>,
  caller: Caller,
): ServiceAnswer {
  switch (caller.kind) {
    case 'nobody':
      return service.challenge('there is no bearer token');
    case 'refused':
      return service.challenge(caller.why);
    case 'identity':
      return service.answer({ ...request, clientId: caller.clientId });
  }
}
