import { ManagedIdentityApplication } from '@azure/msal-node';
import { answer } from './answer.mjs';

const parameters = {
  client_id: 'userAssignedClientId',
  object_id: 'userAssignedObjectId',
  resource_id: 'userAssignedResourceId',
};

await answer(({ resource, name, value }) => {
  const application =
    name === 'default'
      ? new ManagedIdentityApplication()
      : new ManagedIdentityApplication({ managedIdentityIdParams: { [parameters[name]]: value } });
  return async () => (await application.acquireToken({ resource })).accessToken;
});
