import { type Finding, fail, ok, skip } from '../engine/check.ts';
import type { Destination } from './destination.ts';
import { noApplication } from './other-ways.ts';
import type { AppProcess } from './processes.ts';

const docs = 'docs/redirect.md#who-is-exempt';

export interface Users {
  /** The user of the doctor. */
  readonly own: number;
  /** The users whom a redirect may exempt. */
  readonly exempt: ReadonlySet<number>;
  /** Where connections of the exempt users came out, as far as the doctor could be one. */
  readonly tried: ReadonlyMap<number, Destination>;
}

/** Whether the application, or the doctor in its place, runs as a user whom the redirect exempts. */
export function judgeAppUser(apps: readonly AppProcess[], { own, exempt, tried }: Users): Finding {
  /** False if a connection proved that the user is redirected (`INIT_EXEMPT=none`). */
  const isExempt = (uid: number): boolean => {
    const kind = tried.get(uid)?.kind;
    return exempt.has(uid) && kind !== 'proxy' && kind !== 'distant-proxy';
  };
  const evidence = {
    'user of the doctor': own,
    ...Object.fromEntries(
      apps
        .slice(0, maxShown)
        .map(({ pid, program, uid }) => [`process ${pid}`, `${program}, user ${uid}`]),
    ),
  };
  const culprit = apps.find(({ uid }) => isExempt(uid));
  if (culprit !== undefined) {
    const { program, pid, uid } = culprit;
    return fail(
      `the application (${program}, process ${pid}) runs as user ${uid}, whom the redirect exempts: it gets the identity of the node`,
      {
        evidence,
        fix: `Set another runAsUser for the container of the application. Or exempt nobody: INIT_EXEMPT=none for proxy-init, and IMDS_PROXY_PASSTHROUGH=off for the proxy.`,
        docs,
      },
    );
  }
  if (isExempt(own)) {
    return fail(
      `this doctor runs as user ${own}, whom the redirect exempts, and cannot stand in for the application`,
      {
        evidence,
        fix: `If the application runs as user ${own} as well, set another runAsUser for it. Otherwise run the doctor as the user of the application: kubectl debug --custom=as-app.json with {"securityContext": {"runAsUser": 65532}} in the file.`,
        docs: 'docs/doctor.md#as-the-application',
      },
    );
  }
  if (apps.length === 0) return skip(noApplication, { evidence });
  const users = [...new Set(apps.map(({ uid }) => uid))].toSorted((a, b) => a - b);
  return ok(
    `the application runs as ${users.length === 1 ? 'user' : 'the users'} ${users.join(', ')}`,
    {
      evidence,
    },
  );
}

const maxShown = 20;
