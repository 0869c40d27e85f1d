import { contents } from './azure.ts';
import type { Pod } from './pod.ts';
import type { SelectorName } from './scenarios.ts';

const unknownClientId = '99999999-9999-4999-8999-999999999999';

/** A program's argument for whom a request asks for: `default`, or a kind and its value. */
export function toArgument({ emulator }: Pod, selector: SelectorName): string {
  const [orders, reports] = emulator.identities.list();
  switch (selector) {
    case 'default':
      return 'default';
    case 'clientId':
      return `client_id=${orders?.clientId}`;
    case 'otherClientId':
      return `client_id=${reports?.clientId}`;
    case 'objectId':
      return `object_id=${reports?.objectId}`;
    case 'resourceId':
      return `resource_id=${reports?.resourceId}`;
    case 'secret':
    case 'blob':
    case 'subscription':
      return `${selector}=${contents[selector].name}`;
    case 'unknownClientId':
      return `client_id=${unknownClientId}`;
  }
}
