import { describe, expect, it } from 'vitest';
import {
  binding,
  clientId,
  dump,
  identity,
  planOf,
  resourceId,
  runMigrateOn,
  toYaml,
  workload,
} from '../../support/migrate.ts';

const bound = [identity('reader'), binding('b', 'reader', 'web')];
const web = workload('web', 'web');
const objects = [...bound, web];
const yamlDump = dump(...objects);
const jsonDump = `${JSON.stringify({ apiVersion: 'v1', items: objects, kind: 'List' }, undefined, 4)}\n`;

/** Where each error is, and its code. */
async function errorsOf(input: Parameters<typeof planOf>[0]): Promise<readonly string[]> {
  const { findings, exitCode } = await planOf(input);
  const errors = findings.filter(({ level }) => level === 'error');
  expect(exitCode).toBe(errors.length > 0 ? 1 : 0);
  return errors.map(({ file, line, code }) => `${file}:${line} ${code}`);
}

describe('forms of input', () => {
  const forms: Readonly<Record<string, string>> = {
    'documents of YAML': toYaml(...objects),
    'a List of YAML': yamlDump,
    'a List of JSON': jsonDump,
    'JSON values one after another': objects.map((one) => JSON.stringify(one)).join('\n'),
    'a List in a List': dump({ apiVersion: 'v1', kind: 'List', items: objects }),
    'a List in a List of JSON': JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'List', items: objects }],
    }),
    'typed Lists': [
      { kind: 'AzureIdentityList', apiVersion: 'aadpodidentity.k8s.io/v1', items: [bound[0]] },
      {
        kind: 'AzureIdentityBindingList',
        apiVersion: 'aadpodidentity.k8s.io/v1',
        items: [bound[1]],
      },
      { kind: 'DeploymentList', apiVersion: 'apps/v1', items: [web] },
    ]
      .map((one) => `---\n${JSON.stringify(one)}\n`)
      .join(''),
    'what helm template prints': `# Source: shop/templates/web.yaml\n${toYaml(...objects)}`,
    'with a byte order mark': `\uFEFF${toYaml(...objects)}`,
    'with Windows line ends': toYaml(...objects).replaceAll('\n', '\r\n'),
  };

  it.each(Object.entries(forms))('%s are understood', async (_, input) => {
    const plan = await planOf(input);
    expect(plan.findings.filter(({ level }) => level === 'error')).toEqual([]);
    expect(plan.workload).toMatchObject({
      name: 'web',
      status: 'ready',
      identities: [{ name: 'reader' }],
    });
    const { line } = plan.workload;
    expect(
      input
        .split('\n')
        .slice((line ?? 0) - 1)
        .join('\n'),
    ).toMatch(/^.{0,40}(?:apiVersion|kind)/s);
  });

  it('objects may be in several files', async () => {
    const files = {
      'a/1.yaml': toYaml(web),
      'a/2.json': JSON.stringify(bound[0]),
      'a/3.yml': toYaml(bound[1] ?? {}),
    };
    expect((await planOf(files)).workload).toMatchObject({ status: 'ready', file: 'a/1.yaml' });
  });
});

describe('a dump that was cut off', () => {
  it.each([
    ['YAML', yamlDump],
    ['JSON', jsonDump],
  ])('is an error wherever the %s ends', async (_, text) => {
    const end =
      text.lastIndexOf('kind: List') === -1
        ? text.lastIndexOf('}')
        : text.lastIndexOf('kind: List');
    for (let at = 60; at < end; at += 7) {
      const cut = text.slice(0, at);
      expect(await errorsOf(cut), cut.slice(-40)).not.toEqual([]);
    }
  });

  it('names the document, and gives the fix', async () => {
    const { stderr, exitCode } = await runMigrateOn([], {
      stdin: `${toYaml(web)}---\n${yamlDump.replace(/kind: List.*/s, '')}`,
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^migrate: error: stdin:\d+: a List without its kind, which kubectl writes last: the dump was cut off; make the dump again/m,
    );
  });
});

describe('documents at fault', () => {
  it('are named with file and line, and the others are read', async () => {
    const files = {
      'a/1.yaml': `${toYaml(...bound)}---\nkind: Deployment\nmetadata: {name: x\n`,
      'a/2.yaml': toYaml(web),
    };
    const plan = await planOf(files);
    expect(plan.workload.status).toBe('ready');
    const [error] = plan.findings.filter(({ level }) => level === 'error');
    expect(error).toMatchObject({ code: 'unreadable', file: 'a/1.yaml' });
    expect(error?.line).toBeGreaterThan(20);
  });

  it('an item of a List that is not an object', async () => {
    const broken = dump(...objects, { name: 'x' });
    expect(await errorsOf(broken)).toEqual([expect.stringMatching(/^stdin:\d+ unreadable$/)]);
  });

  it('two objects of one name that differ, each with its place', async () => {
    const files = { 'a/1.yaml': toYaml(...objects), 'a/2.yaml': toYaml(workload('web', 'other')) };
    const { findings } = await planOf(files);
    expect(findings.find(({ code }) => code === 'duplicate-object')).toMatchObject({
      file: 'a/2.yaml',
      line: 2,
      message: 'Deployment shop/web is at a/1.yaml:29 as well, and differs',
    });
  });

  it('two objects of one name that have nothing to do with identities', async () => {
    const files = {
      'a/1.yaml': toYaml(...objects, workload('other', undefined)),
      'a/2.yaml': toYaml(workload('other', undefined, { spec: { hostNetwork: true } })),
    };
    expect(await errorsOf(files)).toEqual([]);
  });

  it('the same dump twice is one, with one note', async () => {
    const plan = await planOf({ 'a/1.yaml': toYaml(...objects), 'a/2.yaml': toYaml(...objects) });
    expect(plan.findings.filter(({ code }) => code === 'repeated-object')).toHaveLength(1);
    expect(plan.workloads).toHaveLength(1);
  });

  it('the same object from two dumps is one', async () => {
    const later = (object: object): object => ({
      ...object,
      metadata: { ...(object as { metadata: object }).metadata, resourceVersion: '2', uid: 'x' },
      status: { replicas: 3 },
    });
    const files = { 'a/1.yaml': toYaml(...objects), 'a/2.yaml': toYaml(later(web)) };
    const plan = await planOf(files);
    expect(plan.workloads).toHaveLength(1);
    expect(plan.exitCode).toBe(0);
  });

  it('a chart that nothing has rendered: an error if it is named, a note in a folder', async () => {
    const template = 'apiVersion: v1\nkind: {{ .Values.kind }}\nmetadata: {}\n';
    expect(await errorsOf(template)).toEqual(['stdin:2 unreadable']);
    expect(await errorsOf({ 'a/chart.yaml': template, 'a/shop.yaml': toYaml(...objects) })).toEqual(
      [],
    );
  });

  it('an empty input, and one without objects', async () => {
    for (const input of ['', '\n', '# nothing\n', 'image: x\nreplicas: 2\n', '[]', '{}']) {
      expect(await errorsOf(input)).toEqual(['null:null no-object']);
    }
  });

  it('lists in lists without end, and aliases of aliases', async () => {
    const nested = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    const names = [...'abcdefghi'];
    const bomb = names.map((name, index) => {
      const items = index === 0 ? 'x' : `*${names[index - 1]}`;
      return `  ${name}: &${name} [${Array.from({ length: 10 }, () => items).join()}]\n`;
    });
    const head =
      'apiVersion: example.com/v1\nkind: Web\nmetadata: {name: a, namespace: b}\nspec:\n';
    for (const text of [`${head}  x: ${nested}\n`, `${head}${bomb.join('')}`]) {
      expect(await errorsOf(text)).toEqual([expect.stringMatching(/^stdin:\d unreadable$/)]);
    }
  });

  it.each(['[]', 'null', '{}'])('a List whose items are %s has no object', async (items) => {
    expect(await errorsOf(`apiVersion: v1\nitems: ${items}\nkind: List\n`)).toEqual([
      'null:null no-object',
    ]);
  });

  it('a document that is neither an object nor of az aks is named, unless a folder has it', async () => {
    const values = 'image: x\nreplicas: 2\n';
    const input = `${toYaml(...objects)}---\n${values}`;
    const { findings } = await planOf(input);
    expect(findings.find(({ code }) => code === 'not-an-object')).toMatchObject({
      level: 'attention',
      file: 'stdin',
      line: input.split('\n').indexOf('image: x') + 1,
    });
    const plan = await planOf({ 'a/shop.yaml': toYaml(...objects), 'a/values.yaml': values });
    expect(plan.findings.map(({ code }) => code)).not.toContain('not-an-object');
  });

  it('a file that is missing', async () => {
    const { exitCode, stderr } = await runMigrateOn(['x.yaml'], { files: {} });
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'migrate: error: x.yaml:1: there is no such file or folder; check the path\n',
    );
  });
});

describe('objects with odd fields', () => {
  const planWith = (spec: object): ReturnType<typeof planOf> =>
    planOf(toYaml(identity('reader', { spec }), binding('b', 'reader', 'web'), web));

  it.each([
    [
      'clientid and resourceid',
      {
        clientID: undefined,
        resourceID: undefined,
        clientid: clientId(1),
        resourceid: resourceId('r'),
      },
    ],
    [
      'ClientID and ResourceID',
      {
        clientID: undefined,
        resourceID: undefined,
        ClientID: clientId(1),
        ResourceID: resourceId('r'),
      },
    ],
    [
      'upper case and white space',
      { clientID: ` ${clientId(1).toUpperCase()}\n`, resourceID: ` ${resourceId('r')} \n` },
    ],
    ['a type as text', { type: '0', clientID: clientId(1), resourceID: resourceId('r') }],
    ['no type', { type: undefined, clientID: clientId(1), resourceID: resourceId('r') }],
    [
      'resourceGroups as ARM writes it',
      {
        clientID: clientId(1),
        resourceID: resourceId('r').replace('resourcegroups', 'resourceGroups'),
      },
    ],
  ])('%s are understood', async (_, spec) => {
    const plan = await planWith(spec);
    expect(plan.workload).toMatchObject({
      status: 'ready',
      identities: [{ clientId: clientId(1) }],
    });
    expect(plan.federatedCredentials).toMatchObject([
      { identity: 'r', resourceGroup: 'identities' },
    ]);
  });

  it.each([
    ['no client ID', { clientID: undefined }],
    ['a placeholder', { clientID: '<CLIENT_ID>' }],
    ['the resource ID of something else', { resourceID: '/subscriptions/s/resourceGroups/g' }],
    ['no resource ID', { resourceID: '' }],
    ['a type that does not exist', { type: 7 }],
  ])('%s blocks the workload, with the remedy', async (_, spec) => {
    const plan = await planWith(spec);
    expect(plan.workload.status).toBe('blocked');
    expect(plan.federatedCredentials).toEqual([]);
    expect(plan.serviceAccounts).toEqual([]);
  });

  it('a binding in a namespace that the input lacks', async () => {
    const { findings } = await planOf(
      toYaml({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } }, ...objects),
    );
    expect(findings.filter(({ code }) => code === 'namespace-not-in-input')).toMatchObject([
      { file: 'stdin', message: expect.stringContaining('AzureIdentityBinding shop/b') },
      { file: 'stdin', message: expect.stringContaining('AzureIdentity shop/reader') },
    ]);
  });

  it('objects without a namespace take that of --namespace', async () => {
    const bare = objects.map((one) => {
      const { metadata, ...rest } = one as { metadata: { name: string } };
      return { ...rest, metadata: { name: metadata.name } };
    });
    const plan = await planOf(toYaml(...bare), ['--namespace=team']);
    expect(plan.federatedCredentials).toMatchObject([
      { subject: 'system:serviceaccount:team:web' },
    ]);
    expect(plan.findings.map(({ code }) => code)).not.toContain('namespace-missing');
  });

  it.each([
    ['a workload', toYaml(...bound, workload('Web Shop', 'web'))],
    [
      'a ServiceAccount',
      toYaml(...bound, workload('web', 'web', { spec: { serviceAccountName: 'a:b' } })),
    ],
    ['a namespace', toYaml(workload('web', 'web', { namespace: 'a/b' }))],
    ['an identity', toYaml(identity('$(reboot)'))],
    [
      'nothing: no name at all',
      toYaml(...bound, { ...workload('x', 'web'), metadata: { namespace: 'shop' } }),
    ],
  ])('a name that Kubernetes refuses, of %s', async (_, input) => {
    expect(await errorsOf(input)).toEqual([expect.stringMatching(/^stdin:\d+ invalid-object$/)]);
  });

  it.each(['reader;reboot', "re'ader", '$(reboot)', 'a b'])(
    'a resource ID with the name %s does not get into a command',
    async (name) => {
      const spec = { resourceID: resourceId(name.replaceAll(' ', '\u00a7')) };
      const plan = await planWith(spec);
      expect(plan.workload.status).toBe('blocked');
      expect(plan.federatedCredentials).toEqual([]);
    },
  );

  it.each([
    ['-reader', 'identities'],
    ['@reader', 'identities'],
    ['reader', '@identities'],
    ['reader', 'identities.'],
  ])('a resource ID with %s in the group %s is not one of Azure', async (name, group) => {
    const resourceID = resourceId(name).replace('identities/', `${group}/`);
    expect((await planWith({ resourceID })).workload.status).toBe('blocked');
  });

  it('a resource ID whose subscription looks like an option of az', async () => {
    const resourceID = resourceId('r').replace(/(?<=subscriptions\/)[^/]+/, '-x');
    expect((await planWith({ resourceID })).workload.status).toBe('blocked');
  });

  it.each([
    ['7', 'label-not-text'],
    ['true', 'label-not-text'],
    ['yes', 'label-not-text'],
    ['Off', 'label-not-text'],
    ['1_000', 'label-not-text'],
    ['+0b11', 'label-not-text'],
    ['yEs', undefined],
    ['yes-man', undefined],
    ['web # aadpodidbinding: yes', undefined],
    ['!!str yes', undefined],
    ['0b11', 'label-not-text'],
    ['[web]', 'label-not-text'],
    ['{ a: web }', 'label-not-text'],
    ['null', 'label-empty'],
    ['""', 'label-empty'],
    ['"yes"', undefined],
    ["'7'", undefined],
    ['web', undefined],
  ])('a label that is written %s', async (label, code) => {
    const written = toYaml(web).replace('"aadpodidbinding": "web"', `aadpodidbinding: ${label}`);
    const { workload: found } = await planOf(`${toYaml(...bound)}${written}`);
    const labelCodes = found.findings
      .map((one) => one.code)
      .filter((one) => /^label-(?!w)/.test(one));
    expect(labelCodes).toEqual(code === undefined ? [] : [code]);
  });

  it.each([
    ['yes', true],
    ['N', true],
    ['+0b11', true],
    ['1_000', true],
    ['7', true],
    ['"yes"', false],
    ["'on' # not selector: on", false],
    ['yes.1', false],
    ['yEs', false],
  ])('a selector that is written %s', async (selector, isReported) => {
    const written = toYaml(...bound, web).replace('"selector": "web"', `selector: ${selector}`);
    expect(written).toContain(`selector: ${selector}`);
    const { all } = await planOf(written);
    expect(all.some(({ code }) => code === 'label-not-text')).toBe(isReported);
  });

  it('an object with generateName alone is called by that', async () => {
    const { metadata: _, ...job } = workload('x', 'web', { kind: 'Job' }) as { metadata: object };
    const named = { ...job, metadata: { generateName: 'report-', namespace: 'shop' } };
    const plan = await planOf(toYaml(...bound, named));
    expect(plan.workload).toMatchObject({ name: 'report', serviceAccount: { name: 'report' } });
  });

  it('names that a terminal or Markdown would act on come out harmless', async () => {
    const evil = 'x\u001b[31m|<img src=a>\u202e@team';
    const input = toYaml(...bound, workload('web', evil));
    for (const output of ['table', 'markdown']) {
      const { stdout } = await runMigrateOn([`--output=${output}`], { stdin: input });
      for (const character of ['\u001b', '\u202e']) expect(stdout).not.toContain(character);
    }
    const { stdout } = await runMigrateOn(['--output=markdown'], { stdin: input });
    expect(stdout).not.toMatch(/[^\\]<img|[^\\]\|<img|@team/);
  });
});
