import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendNames } from '../../../src/init/backend.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { guardedBehaviour, observe } from '../../support/netns-behaviour.ts';
import { createLab, type Lab } from '../../support/netns-lab.ts';

describeInNamespaces('the guard', () => {
  describe.each(backendNames)('written by %s', (backend) => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await createLab();
      await lab.inPod.listen({ host: '127.0.0.1', port: 8000, name: 'proxy' });
    });
    afterAll(() => lab.remove());

    it('case 27: refuses all but the proxy, and nothing that the proxy sends or anybody resolves', async () => {
      await lab.init([], { INIT_BACKEND: backend, INIT_GUARD: 'imds+wireserver' });
      expect(await observe(lab)).toEqual(guardedBehaviour);
    });

    it('lets the wire server be with INIT_GUARD=imds', async () => {
      await lab.init([], { INIT_BACKEND: backend, INIT_GUARD: 'imds' });
      expect(await observe(lab)).toEqual({
        ...guardedBehaviour,
        'an application asks the wire server': 'wire',
        'and its port 32526': 'wire:32526',
      });
    });
  });
});
