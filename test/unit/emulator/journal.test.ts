import { describe, expect, it } from 'vitest';
import { createJournal, type JournalEntry } from '../../../src/emulator/journal.ts';

const clock = { epochMs: () => Date.UTC(2026, 0, 1) };
const request = { server: 'tenant', method: 'POST', path: '/t/oauth2/v2.0/token' } as const;

describe('the journal', () => {
  it('lists requests in the order of their arrival, with how they ended', () => {
    const journal = createJournal(clock);
    const endFirst = journal.begin({ ...request, clientId: 'a' });
    const endSecond = journal.begin({ ...request, clientId: 'b' });
    endSecond({ status: 200, durationMs: 2 });
    expect(journal.entries()).toEqual([
      { sequence: 1, at: '2026-01-01T00:00:00.000Z', ...request, clientId: 'a' },
      {
        sequence: 2,
        at: '2026-01-01T00:00:00.000Z',
        ...request,
        clientId: 'b',
        outcome: { status: 200, durationMs: 2 },
      },
    ]);
    endFirst({ fault: 'hang', durationMs: 9 });
    expect(journal.entries().map(({ outcome }) => outcome?.fault)).toEqual(['hang', undefined]);
  });

  it('continues to count after it was cleared', () => {
    const journal = createJournal(clock);
    const end = journal.begin(request);
    journal.clear();
    end({ durationMs: 1 });
    expect(journal.entries()).toEqual([]);
    journal.begin(request);
    expect(journal.entries().map(({ sequence }) => sequence)).toEqual([2]);
  });

  it('reports every end', () => {
    const ended: JournalEntry[] = [];
    const journal = createJournal(clock, (entry) => ended.push(entry));
    journal.begin(request)({ status: 404, durationMs: 1 });
    expect(ended).toMatchObject([{ sequence: 1, outcome: { status: 404 } }]);
  });

  it('keeps the newest 10,000', () => {
    const journal = createJournal(clock);
    for (let count = 0; count < 10_002; count += 1) journal.begin(request);
    const entries = journal.entries();
    expect(entries).toHaveLength(10_000);
    expect(entries[0]?.sequence).toBe(3);
  });

  it('keeps nothing that looks like a token, wherever the client put it', () => {
    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
    const journal = createJournal(clock);
    journal.begin({
      ...request,
      path: `/${token}/oauth2/v2.0/token`,
      clientId: token,
      scope: `x ${token} y`,
      assertion: { iss: token, aud: [token], sub: 'fine' },
    });
    const text = JSON.stringify(journal.entries());
    expect(text).not.toContain('eyJ');
    expect(text).not.toContain('c2lnbmF0dXJl');
    expect(text).toContain('x [token] y');
    expect(text).toContain('fine');
  });

  it('finds a token that follows other letters, and leaves a key ID that only looks like one within', () => {
    const journal = createJournal(clock);
    const kid = 'IfDtJ141KXUmjveWnwYGeyJvKx0aNq2bTz7cRs4dUw5';
    journal.begin({
      ...request,
      scope: 'tokeneyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln',
      assertion: { kid },
    });
    const [entry] = journal.entries();
    expect(entry?.assertion?.kid).toBe(kid);
    expect(entry?.scope).toBe('token[token]');
  });

  it('cuts long texts short', () => {
    const journal = createJournal(clock);
    journal.begin({ ...request, clientId: 'x'.repeat(10_000) });
    expect(journal.entries()[0]?.clientId).toHaveLength(303);
  });
});
