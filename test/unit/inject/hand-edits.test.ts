import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const inject = async (stdin: string, ...flags: string[]) => {
  const run = await runInjectOn('inject', [...imageFlags, ...flags], { stdin });
  expect(run.exitCode, run.stderr).toBe(0);
  return run;
};
const pod =
  'apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  serviceAccountName: sa\n  containers:\n  - name: app\n    image: x\n';

type Container = Record<string, unknown> & { env?: { name: string; value?: string }[] };
const proxyIn = (yaml: string): Container =>
  parse(yaml).spec.initContainers.find(({ name }: { name: string }) => name === 'azwi-proxy');

/** What a person does to the proxy in a manifest. */
const edited = (yaml: string, edit: (proxy: Container) => void): string => {
  const object = parse(yaml);
  edit(object.spec.initContainers.find(({ name }: { name: string }) => name === 'azwi-proxy'));
  return stringify(object, { lineWidth: 0 });
};
const allowList = { name: 'IMDS_PROXY_ALLOWED_RESOURCES', value: 'https://vault.azure.net' };

describe('what people add to our containers', () => {
  it.each<[part: string, edit: (proxy: Container) => void]>([
    [
      'env/IMDS_PROXY_ALLOWED_RESOURCES',
      (proxy) => {
        proxy['env'] = [allowList];
      },
    ],
    [
      'volumeMounts//etc/extra',
      (proxy) => {
        proxy['volumeMounts'] = [{ name: 'extra', mountPath: '/etc/extra' }];
      },
    ],
    [
      'resources',
      (proxy) => {
        proxy['resources'] = { limits: { memory: '512Mi' } };
      },
    ],
    [
      'livenessProbe',
      (proxy) => {
        proxy['livenessProbe'] = { httpGet: { path: '/livez', port: 9808 }, periodSeconds: 60 };
      },
    ],
    [
      'readinessProbe',
      (proxy) => {
        proxy['readinessProbe'] = { httpGet: { path: '/readyz', port: 9808 } };
      },
    ],
    [
      'terminationMessagePolicy',
      (proxy) => {
        proxy['terminationMessagePolicy'] = 'FallbackToLogsOnError';
      },
    ],
    [
      'ports/extra',
      (proxy) => {
        proxy['ports'] = [{ name: 'extra', containerPort: 1 }, ...(proxy['ports'] as object[])];
      },
    ],
  ])('%s stays when it is injected again, and is named', async (part, edit) => {
    const { stdout: first } = await inject(pod);
    const changed = edited(first, edit);
    const { stdout: again, stderr } = await inject(changed);
    expect(again).toBe(changed);
    expect(stderr).toContain(`container azwi-proxy: kept changes made by hand: ${part}\n`);
    const { stdout: newer } = await inject(changed, '--proxy-port=8123');
    const key = part.split('/')[0] ?? '';
    expect(proxyIn(newer)[key]).toEqual(proxyIn(changed)[key]);
    expect(proxyIn(newer)['args']).toContain('--proxy-port=8123');
    expect(await inject(newer, '--proxy-port=8123').then(({ stdout }) => stdout)).toBe(newer);
  });

  it('is taken out with the container, whoever put it there', async () => {
    const { stdout } = await inject(pod);
    const changed = edited(stdout, (proxy) => {
      proxy['env'] = [allowList];
    });
    const undone = await runInjectOn('uninject', [], { stdin: changed });
    expect(parse(undone.stdout)).toEqual(parse(pod));
  });
});

describe('parts that go are named', () => {
  it('a variable that the flags no longer set', async () => {
    const flag = `--proxy-env=${allowList.name}=${allowList.value}`;
    const { stdout } = await inject(pod, flag);
    const { stdout: again, stderr } = await inject(stdout);
    expect(proxyIn(again)['env']).toBeUndefined();
    expect(stderr).toContain(
      'note: container azwi-proxy: removed, since the flags no longer set it: env/IMDS_PROXY_ALLOWED_RESOURCES\n',
    );
  });

  it('a part that was changed by hand and by the flags', async () => {
    const { stdout } = await inject(pod);
    const changed = edited(stdout, (proxy) => {
      proxy['resources'] = {};
    });
    const { stdout: again, stderr } = await inject(changed, '--memory-limit=1Gi');
    expect(proxyIn(again)['resources']).toMatchObject({ limits: { memory: '1Gi' } });
    expect(stderr).toContain('container azwi-proxy: reset changes made by hand: resources\n');
  });

  it('parts that must not be changed: the image, the user, the arguments', async () => {
    const { stdout } = await inject(pod);
    const changed = edited(stdout, (proxy) => {
      proxy['image'] = 'other';
      proxy['securityContext'] = { runAsUser: 0 };
    });
    const { stdout: again, stderr } = await inject(changed);
    expect(parse(again)).toEqual(parse(stdout));
    expect(stderr).toContain('reset changes made by hand: image, securityContext\n');
  });

  it('a part that was taken out comes back', async () => {
    const { stdout } = await inject(pod);
    const changed = edited(stdout, (proxy) => {
      delete proxy['livenessProbe'];
    });
    const { stdout: again, stderr } = await inject(changed);
    expect(parse(again)).toEqual(parse(stdout));
    expect(stderr).toContain('reset changes made by hand: the removal of livenessProbe\n');
  });

  it('everything that an older version did not record', async () => {
    const { stdout } = await inject(pod);
    const old = edited(stdout, (proxy) => {
      proxy['env'] = [allowList];
    }).replace(/,"wrote":\{[^}]*\}/, '');
    expect(old).not.toContain('wrote');
    const { stderr } = await inject(old);
    expect(stderr).toMatch(
      /azwi-proxy: replaced, by hand-made changes or not, .*: env\/IMDS_PROXY_ALLOWED_RESOURCES\n/,
    );
  });
});

it('the record holds no value of a variable', async () => {
  const { stdout } = await inject(pod, '--proxy-env=HTTPS_PROXY=http://user:hunter2@proxy');
  const record = parse(stdout).metadata.annotations['workload-identity-imds-proxy/injected'];
  expect(record).toContain('azwi-proxy/env/HTTPS_PROXY');
  expect(record).not.toContain('hunter2');
});
