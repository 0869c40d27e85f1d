import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { readBody } from '../http/body.ts';
import { toRequestUrl } from '../http/request-url.ts';
import { toJsonAnswer, type WireAnswer, writeAnswer } from '../http/wire-answer.ts';
import { InputError } from '../input.ts';

/** What one path can do, by method. A call gets the parsed body, undefined without one. */
export type AdminRoute = Readonly<Record<string, (body: unknown) => Promise<unknown> | unknown>>;

/** The routes by path. */
export type AdminRoutes = Readonly<Record<string, AdminRoute>>;

/**
 * JSON in, JSON out. 400 names the field at fault; a call that returns undefined is answered 204.
 * @param onError called with a fault inside the emulator itself
 */
export function createAdminHandler(
  routes: AdminRoutes,
  onError: (error: unknown) => void,
): RequestListener {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = toRequestUrl(request, 'http://admin');
    const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    if (route === undefined) {
      const message = `there is no ${pathname}; known are ${Object.keys(routes).join(', ')}`;
      writeAnswer(response, toJsonAnswer(404, { error: message }));
      return;
    }
    const { method = '' } = request;
    const call = Object.hasOwn(route, method) ? route[method] : undefined;
    if (call === undefined) {
      const allowed = Object.keys(route).join(', ');
      const message = `${pathname} takes ${allowed}, not ${method}`;
      writeAnswer(response, toJsonAnswer(405, { error: message }), { Allow: allowed });
      return;
    }
    writeAnswer(response, await toAnswer(request, call));
  };

  const toAnswer = async (
    request: IncomingMessage,
    call: NonNullable<AdminRoute[string]>,
  ): Promise<WireAnswer> => {
    try {
      const result = await call(parseBody(await readBody(request)));
      return result === undefined
        ? { ...toJsonAnswer(204, ''), body: '' }
        : toJsonAnswer(200, result);
    } catch (error) {
      if (error instanceof InputError) return toJsonAnswer(400, { error: error.message });
      throw error;
    }
  };

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent || request.destroyed) response.destroy();
      else writeAnswer(response, toJsonAnswer(500, { error: String(error) }));
      onError(error);
    });
  };
}

function parseBody(body: string | undefined): unknown {
  if (body === undefined) throw new InputError('the body is above 64 KiB');
  if (body.trim() === '') return undefined;
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new InputError(`the body is not JSON: ${String(error)}`);
  }
}
