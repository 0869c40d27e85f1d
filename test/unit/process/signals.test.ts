import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { watchSignals } from '../../../src/proxy/process/signals.ts';

class FakeProcess extends EventEmitter {
  readonly exits: unknown[] = [];
  exit(code?: number | string | null): never {
    this.exits.push(code);
    return undefined as never;
  }
}

describe('termination signals', () => {
  test.each(['SIGTERM', 'SIGINT'])(
    '%s ends the process with 0 before the server listens',
    (name) => {
      const target = new FakeProcess();
      watchSignals(target as unknown as NodeJS.Process);
      target.emit(name, name);
      expect(target.exits).toEqual([0]);
    },
  );

  test('go to the server once it has taken them over', () => {
    const target = new FakeProcess();
    const seen: string[] = [];
    const onSignal = watchSignals(target as unknown as NodeJS.Process);
    onSignal((name) => seen.push(name));
    target.emit('SIGTERM', 'SIGTERM');
    target.emit('SIGINT', 'SIGINT');
    expect(seen).toEqual(['SIGTERM', 'SIGINT']);
    expect(target.exits).toEqual([]);
  });

  test('SIGUSR1 has a handler, so that Node opens no debugger', () => {
    const target = new FakeProcess();
    watchSignals(target as unknown as NodeJS.Process);
    expect(target.listenerCount('SIGUSR1')).toBe(1);
  });
});
