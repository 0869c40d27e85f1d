import type { Namespace } from './netns.ts';
import type { Lab } from './netns-lab.ts';

/** What a pod's processes meet, one line each. */
export type Behaviour = Readonly<Record<string, string>>;

/** The listener on the proxy's port must be up, and say `proxy`. */
export async function observe({ ask, onNode, pod }: Lab): Promise<Behaviour> {
  const proxy = { uid: 1501, gid: 1501 };
  const app = { uid: 1000, gid: 1000 };
  const wire = { host: '168.63.129.16' };
  const seen: Record<string, string> = {
    'root asks for a token': await ask(),
    'an application asks for a token': await ask(app),
    'the proxy passes through': await ask(proxy),
  };
  const refused = await countRefused(pod);
  for (let time = 0; time < 3; time += 1) {
    await ask(proxy);
    await onNode.ending();
  }
  // The last packets of a connection that was closed belong to nobody.
  seen['packets refused of what the proxy closes'] = `${(await countRefused(pod)) - refused}`;
  return {
    ...seen,
    'an application asks on port 81': await ask({ ...app, port: 81 }),
    'an application asks on port 443': await ask({ ...app, port: 443 }),
    'the proxy asks on port 81': await ask({ ...proxy, port: 81 }),
    'an application asks over UDP': await ask({ ...app, port: 8080, udp: true }),
    'an application asks the wire server': await ask({ ...app, ...wire }),
    'and its port 32526': await ask({ ...app, ...wire, port: 32_526 }),
    'an application resolves a name': await ask({ ...app, ...wire, port: 53, udp: true }),
    'the proxy asks the wire server': await ask({ ...proxy, ...wire }),
    'an application asks elsewhere': await ask({ ...app, host: '10.77.0.1' }),
  };
}

/** What they should meet with the default exemption and everything guarded. */
export const guardedBehaviour: Behaviour = {
  'root asks for a token': 'proxy',
  'an application asks for a token': 'proxy',
  'the proxy passes through': 'imds',
  'packets refused of what the proxy closes': '0',
  'an application asks on port 81': 'ECONNREFUSED',
  'an application asks on port 443': 'ECONNREFUSED',
  'the proxy asks on port 81': 'imds:81',
  'an application asks over UDP': 'EPERM',
  'an application asks the wire server': 'ECONNREFUSED',
  'and its port 32526': 'ECONNREFUSED',
  'an application resolves a name': 'dns',
  'the proxy asks the wire server': 'wire',
  'an application asks elsewhere': 'other',
};

/** How many packets the rules that refuse have counted, whatever wrote them. */
async function countRefused(pod: Namespace): Promise<number> {
  const listings = await Promise.all([
    pod.must(['nft', 'list', 'ruleset', 'ip']),
    pod.must(['iptables-legacy-save', '-c']),
  ]);
  const counts = listings
    .join('\n')
    .matchAll(/counter packets (\d+) bytes \d+ reject|^\[(\d+):\d+\] .*-j REJECT/gm);
  return [...counts].reduce((sum, [, nft, legacy]) => sum + Number(nft ?? legacy), 0);
}
