import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Metrics, RouteLabel } from '../metrics/metrics.ts';
import {
  type Operation,
  parseTarget,
  type RequestTarget,
  toOperation,
} from '../protocol/target.ts';
import { isQuery } from '../protocol/token-query.ts';
import type { AppServiceHandler } from './app-service-handler.ts';
import type { Fail } from './failure.ts';
import type { Refusal } from './guard.ts';
import type { PassThroughGate } from './pass-through-gate.ts';
import { headerValues } from './raw-headers.ts';
import { type Call, reply, serverHeader } from './reply.ts';
import { toLogFields } from './request-log.ts';
import type { TokenHandler } from './token-handler.ts';

export interface RouterDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly fail: Fail;
  readonly tokens: TokenHandler;
  /** Undefined if its path is not served. */
  readonly appService: AppServiceHandler | undefined;
  readonly passThrough: PassThroughGate;
  readonly nextRequestId: () => string;
}

export interface Router {
  /**
   * Answers a request, now or later. Never throws.
   * @param verdict of the guard.
   */
  route(
    request: IncomingMessage,
    response: ServerResponse,
    startedAtMs: number,
    verdict: Refusal | undefined,
  ): RouteLabel;
  /** Requests that are not answered yet. */
  readonly inFlight: number;
}

/** Real targets have a few hundred characters. */
export const maxTargetLength = 8_192;

/** Passes each request that is not answered from memory to the handler of its path. */
export function createRouter(deps: RouterDeps): Router {
  const { clock, logger, metrics, fail, tokens, appService, passThrough, nextRequestId } = deps;
  let inFlight = 0;

  const assertNotOwnRequest = (call: Call): void => {
    if (passThrough.isOwnRequest(call.request.rawHeaders)) {
      throw new ProxyError('ERR_LOOP', 'the request is one that this proxy has sent');
    }
  };

  const finish = (call: Call, status: number): void => {
    metrics.requestFinished(call.route, status, clock.monotonicMs() - call.startedAtMs);
  };

  const passOn = async (call: Call, target: string): Promise<void> => {
    const client = new AbortController();
    call.response.on('close', () => client.abort());
    const { rawHeaders } = call.request;
    const { status, headers, body } = await passThrough.forward(
      { target, rawHeaders },
      client.signal,
    );
    const added = ['Content-Length', String(body.length)];
    if (headerValues(headers, 'server').length === 0) added.push('Server', serverHeader);
    if (headerValues(headers, 'x-ms-request-id').length === 0)
      added.push('x-ms-request-id', call.id);
    call.response.writeHead(status, [...headers, ...added]);
    call.response.end(body);
    metrics.passthrough(status);
    finish(call, status);
    if (!logger.isEnabled('debug')) return;
    logger.log(
      'debug',
      'passed through',
      toLogFields(call, status, clock.monotonicMs() - call.startedAtMs),
    );
  };

  const serve = async (
    call: Call,
    target: RequestTarget,
    operation: Operation,
    verdict: Refusal | undefined,
  ): Promise<void> => {
    if (verdict?.code.startsWith('ERR_HTTP_')) refuse(verdict);
    if ((call.request.url ?? '').length > maxTargetLength) {
      throw new ProxyError('ERR_HTTP_TARGET', `the target is longer than ${maxTargetLength} bytes`);
    }
    switch (operation.kind) {
      case 'token':
        assertMethod(call, 'GET');
        if (verdict !== undefined) refuse(verdict);
        return tokens.answer(call, target.query);
      case 'app-service': {
        assertNotOwnRequest(call);
        if (appService === undefined) throw notServed();
        assertMethod(call, 'GET');
        // App Service's clients send a secret instead of the Metadata header.
        const refusal = verdict?.code === 'ERR_METADATA_HEADER' ? verdict.otherwise : verdict;
        if (refusal !== undefined) refuse(refusal);
        return appService.answer(call, target);
      }
      case 'readyz':
        assertMethod(call, 'GET', 'HEAD');
        reply(call, 200, 'text/plain; charset=utf-8', 'ok');
        return finish(call, 200);
      case 'metadata': {
        assertNotOwnRequest(call);
        if (!passThrough.isOpen(operation.service)) throw notServed();
        assertMethod(call, 'GET');
        if (verdict !== undefined) refuse(verdict);
        if (!isQuery(target.query)) {
          throw new ProxyError(
            'ERR_MALFORMED_QUERY',
            'query has a character that is not allowed in a query',
          );
        }
        return passOn(
          call,
          target.query === '' ? operation.path : `${operation.path}?${target.query}`,
        );
      }
      case 'imds-v2':
      case 'identity':
      case 'unknown':
        assertNotOwnRequest(call);
        // With the header it is not a probe: MSAL.NET reads from 404 that the machine has IMDSv1 only.
        if (
          operation.kind === 'imds-v2' &&
          verdict?.code === 'ERR_METADATA_HEADER' &&
          retriesNotFound(call.request)
        ) {
          throw new ProxyError('ERR_IMDS_V2', 'a probe for IMDSv2');
        }
        throw notServed();
      default:
        return operation satisfies never;
    }
  };

  const track = async (call: Call, work: Promise<void>): Promise<void> => {
    inFlight += 1;
    try {
      await work;
    } catch (thrown) {
      fail(call, thrown);
    } finally {
      inFlight -= 1;
    }
  };

  return {
    route(request, response, startedAtMs, verdict) {
      const target = parseTarget(request.url ?? '');
      const operation = toOperation(target.path);
      const isAppService = operation.kind === 'app-service' && appService !== undefined;
      const call: Call = {
        request,
        response,
        id: nextRequestId(),
        startedAtMs,
        route: isAppService ? 'token' : toLabel(operation),
        protocol: isAppService ? 'app-service' : 'imds',
      };
      track(call, serve(call, target, operation, verdict)).catch(() => response.destroy());
      return call.route;
    },

    get inFlight() {
      return inFlight;
    },
  };
}

function refuse({ code, message, header }: Refusal): never {
  throw new ProxyError(code, message, { header });
}

function notServed(): ProxyError {
  return new ProxyError('ERR_PATH', 'this path is not served here');
}

function assertMethod({ request }: Call, ...methods: readonly string[]): void {
  if (!methods.includes(request.method ?? '')) {
    throw new ProxyError('ERR_METHOD', `method is not ${methods.join(' or ')}`);
  }
}

/** Azure.Core for .NET from 1.59 on asks again for 25 s after a 404. Others read it as the answer of IMDSv1. */
function retriesNotFound({ headers }: IncomingMessage): boolean {
  return headers['user-agent']?.startsWith('azsdk-net-Core/') === true;
}

function toLabel({ kind }: Operation): RouteLabel {
  switch (kind) {
    case 'token':
      return 'token';
    case 'readyz':
      return 'readyz';
    case 'metadata':
      return 'passthrough';
    case 'app-service':
    case 'imds-v2':
    case 'identity':
    case 'unknown':
      return 'other';
    default:
      return kind satisfies never;
  }
}
