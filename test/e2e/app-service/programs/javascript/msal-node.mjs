import { ManagedIdentityApplication } from '@azure/msal-node';
import { answer } from './answer.mjs';

await answer(async (resource, name, value) => {
  const keys = { client_id: 'userAssignedClientId', resource_id: 'userAssignedResourceId' };
  const application = new ManagedIdentityApplication(
    name === 'default' ? undefined : { managedIdentityIdParams: { [keys[name]]: value } },
  );
  return (await application.acquireToken({ resource })).accessToken;
});
