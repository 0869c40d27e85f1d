import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { type ErrorCode, ProxyError } from '../errors.ts';
import { type Route, toRoute } from '../imds/path.ts';
import { parseTarget, type RequestTarget } from '../imds/target.ts';
import type { Metrics, Route as RouteLabel } from '../metrics/metrics.ts';
import type { AppServiceHandler } from './app-service-handler.ts';
import { type Fail, toLogFields } from './failure.ts';
import type { Guard } from './guard.ts';
import type { PassThroughGate } from './pass-through-gate.ts';
import { type Call, reply, serverHeader } from './reply.ts';
import type { TokenHandler } from './token-handler.ts';

export interface RouterDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly guard: Guard;
  readonly fail: Fail;
  readonly tokens: TokenHandler;
  /** Undefined if its path is not served. */
  readonly appService: AppServiceHandler | undefined;
  readonly passThrough: PassThroughGate;
  readonly nextRequestId: () => string;
}

export interface Router {
  /** Answers a request, now or later, and whatever goes wrong with it. */
  route(request: IncomingMessage, response: ServerResponse, startedAtMs: number): RouteLabel;
  /** Requests that are not answered yet. */
  readonly inFlight: number;
}

/** Real targets have some hundred characters; resource IDs and resources are limited on their own. */
export const maxTargetLength = 8_192;

/** Brings every request that is not answered from memory to the part that serves its path. */
export function createRouter(deps: RouterDeps): Router {
  const { clock, logger, metrics, guard, fail, tokens, appService, passThrough, nextRequestId } =
    deps;
  let inFlight = 0;

  const assertNotOwnRequest = (call: Call): void => {
    if (passThrough.isOwnRequest(call.request.rawHeaders)) {
      refuse('ERR_LOOP');
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
    if (!hasHeader(headers, 'server')) added.push('Server', serverHeader);
    if (!hasHeader(headers, 'x-ms-request-id')) added.push('x-ms-request-id', call.id);
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

  const serve = async (call: Call, target: RequestTarget, route: Route): Promise<void> => {
    const refusal = guard(call.request, target.authority);
    if (refusal === 'ERR_HTTP_MALFORMED' || refusal === 'ERR_HTTP_BODY') refuse(refusal);
    if ((call.request.url ?? '').length > maxTargetLength) refuse('ERR_HTTP_TARGET');
    switch (route.kind) {
      case 'token':
        assertMethod(call, 'GET');
        if (refusal !== undefined) refuse(refusal);
        return tokens.answer(call, target.query);
      case 'app-service':
        assertNotOwnRequest(call);
        if (appService === undefined) refuse('ERR_PATH');
        assertMethod(call, 'GET');
        return appService.answer(call, target);
      case 'readyz':
        assertMethod(call, 'GET', 'HEAD');
        reply(call, 200, 'text/plain; charset=utf-8', 'ok');
        return finish(call, 200);
      case 'metadata': {
        assertNotOwnRequest(call);
        if (!passThrough.isOpen(route.service)) refuse('ERR_PATH');
        assertMethod(call, 'GET');
        if (refusal !== undefined) refuse(refusal);
        return passOn(call, target.query === '' ? route.path : `${route.path}?${target.query}`);
      }
      case 'identity':
      case 'unknown':
        assertNotOwnRequest(call);
        return refuse('ERR_PATH');
      default:
        return route satisfies never;
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
    route(request, response, startedAtMs) {
      const target = parseTarget(request.url ?? '');
      const route = toRoute(target.path);
      const isAppService = route.kind === 'app-service' && appService !== undefined;
      const call: Call = {
        request,
        response,
        id: nextRequestId(),
        startedAtMs,
        route: isAppService ? 'token' : toLabel(route),
        protocol: isAppService ? 'app-service' : 'imds',
      };
      track(call, serve(call, target, route)).catch(() => response.destroy());
      return call.route;
    },

    get inFlight() {
      return inFlight;
    },
  };
}

/** The code says it all: the message is for logs, where both stand beside each other. */
function refuse(code: ErrorCode): never {
  throw new ProxyError(code, 'the request is not one that is served here');
}

function assertMethod({ request }: Call, ...methods: readonly string[]): void {
  if (!methods.includes(request.method ?? '')) {
    throw new ProxyError('ERR_METHOD', `method is not ${methods.join(' or ')}`);
  }
}

function hasHeader(headers: readonly string[], lowerCaseName: string): boolean {
  return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === lowerCaseName);
}

function toLabel({ kind }: Route): RouteLabel {
  switch (kind) {
    case 'token':
      return 'token';
    case 'readyz':
      return 'readyz';
    case 'metadata':
      return 'passthrough';
    case 'app-service':
    case 'identity':
    case 'unknown':
      return 'other';
    default:
      return kind satisfies never;
  }
}
