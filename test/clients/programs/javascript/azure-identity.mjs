import {
  ChainedTokenCredential,
  DefaultAzureCredential,
  EnvironmentCredential,
  ManagedIdentityCredential,
} from '@azure/identity';
import { answer } from './answer.mjs';

const fallback = {
  getToken: async () => ({ token: 'fallback', expiresOnTimestamp: Date.now() + 3_600_000 }),
};

function toManaged(name, value) {
  switch (name) {
    case 'default':
      return new ManagedIdentityCredential();
    case 'client_id':
      return new ManagedIdentityCredential(value);
    case 'object_id':
      return new ManagedIdentityCredential({ objectId: value });
    case 'resource_id':
      return new ManagedIdentityCredential({ resourceId: value });
  }
}

const kinds = {
  managed: (...selector) => toManaged(...selector),
  default: () => new DefaultAzureCredential(),
  'after-unavailable': (...selector) =>
    new ChainedTokenCredential(new EnvironmentCredential(), toManaged(...selector)),
  'before-fallback': (...selector) => new ChainedTokenCredential(toManaged(...selector), fallback),
};

await answer(({ kind, resource, name, value }) => {
  const credential = kinds[kind](name, value);
  return async () => (await credential.getToken(`${resource}/.default`)).token;
});
