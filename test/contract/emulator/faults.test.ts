import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import type { Fault } from '../../../src/emulator/faults/fault.ts';
import { startEmulator } from '../../support/emulator.ts';
import {
  parseAnswer,
  requestToken,
  sendRaw,
  toTokenForm,
  toTokenRequestBytes,
} from '../../support/emulator-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());
beforeEach(() => {
  emulator.faults.clear();
  emulator.journal.clear();
});

const once = (effect: Fault['effect']): void => emulator.faults.add({ effect, requests: 1 });
const outcomes = () => emulator.journal.entries().map(({ outcome }) => outcome);

describe('an answer without a fault, on the wire', () => {
  it('is complete and closes in order', async () => {
    const { status, headers, body, ending } = await requestToken(emulator);
    expect(status).toBe(200);
    expect(ending).toBe('end');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
    expect(headers.get('cache-control')).toBe('no-store, no-cache');
    expect(headers.get('x-ms-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(body)).toMatchObject({ token_type: 'Bearer', expires_in: 86_399 });
    expect(outcomes()).toEqual([{ status: 200, durationMs: expect.any(Number) }]);
  });
});

describe('a scripted fault, on the wire', () => {
  it('throttle: 429, Retry-After and AADSTS90055', async () => {
    once({ kind: 'throttle', retryAfterSeconds: 7 });
    const { status, headers, body } = await requestToken(emulator);
    expect(status).toBe(429);
    expect(headers.get('retry-after')).toBe('7');
    expect(JSON.parse(body)).toMatchObject({
      error: 'temporarily_unavailable',
      error_codes: [90055],
    });
    expect(outcomes()).toMatchObject([{ status: 429, aadsts: 90055, fault: 'throttle' }]);
    expect((await requestToken(emulator)).status).toBe(200);
  });

  it('server-error: the status asked for, with JSON of Entra', async () => {
    once({ kind: 'server-error', status: 504 });
    const { status, headers, body } = await requestToken(emulator);
    expect(status).toBe(504);
    expect(headers.has('retry-after')).toBe(false);
    expect(JSON.parse(body)).toMatchObject({ error_codes: [90033] });
  });

  it('html: a page', async () => {
    once({ kind: 'html', status: 502 });
    const { status, headers, body } = await requestToken(emulator);
    expect(status).toBe(502);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(body).toMatch(/^<!DOCTYPE html>.*<\/html>\r\n$/s);
  });

  it('truncated: half of what Content-Length promises, then a close', async () => {
    once({ kind: 'truncated' });
    const { status, headers, body, ending } = await requestToken(emulator);
    const promised = Number(headers.get('content-length'));
    expect(status).toBe(200);
    expect(Buffer.byteLength(body)).toBe(Math.floor(promised / 2));
    expect(body).toMatch(/^\{"token_type":"Bearer"/);
    expect(ending).toBe('end');
  });

  it('reset: not a byte, and a TCP reset', async () => {
    once({ kind: 'reset' });
    const form = await toTokenForm(emulator);
    const answer = await sendRaw(
      emulator,
      emulator.authorityHost,
      toTokenRequestBytes(emulator, form),
    );
    expect(answer).toEqual({ bytes: '', ending: 'ECONNRESET' });
    expect(outcomes()).toEqual([{ fault: 'reset', durationMs: expect.any(Number) }]);
  });

  it('hang: not a byte for as long as the client waits', async () => {
    once({ kind: 'hang' });
    const form = await toTokenForm(emulator);
    const patience = new AbortController();
    const answer = sendRaw(
      emulator,
      emulator.authorityHost,
      toTokenRequestBytes(emulator, form),
      patience.signal,
    );
    await expect.poll(() => emulator.journal.entries()).toHaveLength(1);
    // Another request is answered in the meantime.
    expect((await requestToken(emulator)).status).toBe(200);
    expect(outcomes()[0]).toBeUndefined();
    patience.abort();
    expect(await answer).toEqual({ bytes: '', ending: 'aborted' });
    await expect.poll(() => outcomes()[0]?.fault).toBe('hang');
  });

  it('empty: 200 and no body', async () => {
    once({ kind: 'empty' });
    const { status, headers, body } = await requestToken(emulator);
    expect([status, headers.get('content-length'), body]).toEqual([200, '0', '']);
  });

  it('malformed-json: 200 and text that does not parse', async () => {
    once({ kind: 'malformed-json' });
    const { status, body } = await requestToken(emulator);
    expect(status).toBe(200);
    expect(() => JSON.parse(body)).toThrow(SyntaxError);
  });

  it('no-access-token: 200 and all but the token', async () => {
    once({ kind: 'no-access-token' });
    const { status, body } = await requestToken(emulator);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      token_type: 'Bearer',
      expires_in: 86_399,
      ext_expires_in: 86_399,
      refresh_in: 43_199,
    });
  });

  it('not-propagated: AADSTS70021 for the first requests, then a token', async () => {
    emulator.faults.add({ effect: { kind: 'not-propagated' }, requests: 2 });
    const answers = [
      await requestToken(emulator),
      await requestToken(emulator),
      await requestToken(emulator),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 200]);
    expect(JSON.parse(answers[0]?.body ?? '')).toMatchObject({
      error: 'invalid_request',
      error_codes: [70021],
    });
  });

  it('refuse: the code asked for, with what is known of the request', async () => {
    once({ kind: 'refuse', code: 7000112 });
    const { status, body } = await requestToken(emulator);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({
      error: 'unauthorized_client',
      error_description: expect.stringContaining(
        `AADSTS7000112: Application '${emulator.identities.list()[0]?.clientId}' is disabled.`,
      ),
    });
  });

  it('delay: the same answer, later', async () => {
    once({ kind: 'delay', delayMs: 60 });
    const { status } = await requestToken(emulator);
    expect(status).toBe(200);
    const [outcome] = outcomes();
    expect(outcome).toMatchObject({ status: 200, fault: 'delay' });
    // Timers may fire up to a millisecond early.
    expect(outcome?.durationMs).toBeGreaterThanOrEqual(59);
  });

  it('delay: is over when the client goes', async () => {
    once({ kind: 'delay', delayMs: 3_600_000 });
    const form = await toTokenForm(emulator);
    const patience = new AbortController();
    const answer = sendRaw(
      emulator,
      emulator.authorityHost,
      toTokenRequestBytes(emulator, form),
      patience.signal,
    );
    await expect.poll(() => emulator.journal.entries()).toHaveLength(1);
    patience.abort();
    await answer;
    await expect.poll(() => outcomes()[0]?.fault).toBe('delay');
    expect(outcomes()[0]?.status).toBeUndefined();
  });

  it('meets only the client and the resource that it names', async () => {
    const other = emulator.addIdentity({ name: 'other' });
    emulator.faults.add({
      effect: { kind: 'html', status: 502 },
      clientId: other.clientId,
      resource: 'https://vault.azure.net',
    });
    const statuses = [
      await requestToken(emulator),
      await requestToken(emulator, { clientId: other.clientId, resource: 'https://x.test' }),
      await requestToken(emulator, { clientId: other.clientId }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 502]);
  });

  it('is not used up by a request that is none for a token', async () => {
    once({ kind: 'html', status: 502 });
    const bytes = `GET /${emulator.tenantId}/oauth2/v2.0/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const answer = parseAnswer((await sendRaw(emulator, emulator.authorityHost, bytes)).bytes);
    expect(answer.status).toBe(400);
    expect(outcomes()).toMatchObject([{ aadsts: 900561, fault: undefined }]);
    expect((await requestToken(emulator)).status).toBe(502);
  });

  it('leaves documents alone', async () => {
    emulator.faults.add({ effect: { kind: 'reset' } });
    const { bytes } = await sendRaw(
      emulator,
      emulator.authorityHost,
      `GET /${emulator.tenantId}/discovery/v2.0/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(parseAnswer(bytes).status).toBe(200);
  });
});
