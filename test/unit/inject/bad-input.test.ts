import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const inject = (stdin: string, ...flags: string[]) =>
  runInjectOn('inject', [...imageFlags, ...flags], { stdin });

/** A Deployment with more lines in its pod's spec, between two documents that are fine. */
const around = (middle: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: first}\n---\n${middle}---\napiVersion: v1\nkind: Pod\nmetadata: {name: last}\nspec:\n  serviceAccountName: last\n  containers:\n  - {name: last, image: x}\n`;
const deployment = (spec: string, containers = '      - name: web\n        image: x\n'): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n${spec}      containers:\n${containers}`;

/** Line of `around` on which the middle document begins. */
const start = 5;

const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

const cases: readonly [
  name: string,
  document: string,
  line: number,
  message: RegExp,
  flags?: string[],
][] = [
  [
    'lists in lists without end',
    `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[],"x":${deep}}}\n`,
    start,
    /more than 1000 levels/,
  ],
  ['text that is not YAML', 'containers: [\n', start + 1, /^not YAML.*correct this line/],
  [
    'a tab that indents',
    'apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\nspec: {containers: []}\n',
    start + 3,
    /a tab indents this line/,
  ],
  [
    'a template',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\nspec: {containers: []}\n',
    start + 3,
    /template/,
  ],
  [
    'a template with quoted values',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  name: "{{ .Values.name }}"\nspec: {containers: []}\n',
    start + 3,
    /template/,
  ],
  [
    'hostNetwork',
    deployment('      hostNetwork: true\n'),
    start + 7,
    /hostNetwork is true/,
    ['--on-unsupported=fail'],
  ],
  [
    'hostNetwork in the words of YAML 1.1',
    deployment('      hostNetwork: yes\n'),
    start + 7,
    /hostNetwork is true/,
    ['--on-unsupported=fail'],
  ],
  [
    'a pod for Windows',
    deployment('      os: {name: windows}\n'),
    start + 7,
    /Windows/,
    ['--on-unsupported=fail'],
  ],
  [
    'a pod for Windows nodes',
    deployment('      nodeSelector:\n        kubernetes.io/os: windows\n'),
    start + 8,
    /Windows/,
    ['--on-unsupported=fail'],
  ],
  [
    'the name of the proxy taken',
    deployment('', '      - name: azwi-proxy\n        image: envoy\n'),
    start + 8,
    /name azwi-proxy is taken.*rename/,
  ],
  [
    'the name of the init taken',
    deployment('      initContainers:\n      - name: azwi-proxy-init\n        image: busybox\n'),
    start + 8,
    /name azwi-proxy-init is taken/,
  ],
  [
    'the port of the proxy taken',
    deployment(
      '',
      '      - name: web\n        image: x\n        ports:\n        - containerPort: 1\n        - containerPort: 8000\n',
    ),
    start + 12,
    /port 8000 is taken by container web.*--proxy-port/,
  ],
  [
    'the port of the proxy probed',
    deployment(
      '',
      '      - name: web\n        image: x\n        livenessProbe:\n          httpGet: {port: 8000}\n',
    ),
    start + 11,
    /port 8000 is taken/,
  ],
  [
    'the chosen port taken',
    deployment('', '      - name: web\n        image: x\n        ports: [{containerPort: 81}]\n'),
    start + 10,
    /port 81 is taken/,
    ['--proxy-port=81'],
  ],
  [
    'the admin port taken',
    deployment('', '      - name: web\n        image: x\n        ports: [{containerPort: 9808}]\n'),
    start + 10,
    /port 9808 is taken.*--admin-port/,
  ],
  [
    'an annotated port that is out of range',
    `apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    azure.workload.identity/proxy-sidecar-port: "0"\nspec:\n  containers: [{name: x, image: x}]\n`,
    start + 4,
    /not a port from 1 to 65535/,
  ],
  [
    'a webhook that must skip the proxy',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    azure.workload.identity/skip-containers: log; azwi-proxy\nspec:\n  containers: [{name: x, image: x}]\n',
    start + 4,
    /skip-containers keeps the webhook from azwi-proxy/,
  ],
  [
    'the user of the proxy',
    deployment('      securityContext:\n        runAsUser: 1501\n'),
    start + 8,
    /container web runs as user 1501/,
  ],
  [
    'the user of the proxy in one container',
    deployment(
      '',
      '      - name: web\n        image: x\n        securityContext: {runAsUser: 1501, runAsGroup: 1501}\n',
    ),
    start + 10,
    /runs as user 1501.*--passthrough=off/,
  ],
  [
    'a classic sidecar in a pod that ends',
    deployment('      restartPolicy: OnFailure\n'),
    start + 7,
    /never complete.*--native-sidecar/,
    ['--classic'],
  ],
  [
    'containers that are not a list',
    'apiVersion: v1\nkind: Pod\nspec:\n  containers: {a: b}\n',
    start + 3,
    /spec.containers is not a list/,
  ],
  [
    'labels that are not a map',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  labels: [x]\nspec:\n  containers: [{name: x, image: x}]\n',
    start + 3,
    /metadata.labels is not a map/,
  ],
  [
    'labels that are repeated elsewhere',
    'apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    metadata:\n      labels: &l\n        app: web\n    spec:\n      containers: [{name: web, image: x}]\n  selector:\n    matchLabels: *l\n',
    start + 6,
    /&l stands for this part elsewhere/,
  ],
  [
    'a record that it did not write',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    workload-identity-imds-proxy/injected: yes\nspec:\n  containers: [{name: x, image: x}]\n',
    start + 4,
    /is not a record that this version can undo/,
  ],
  [
    'a record of a later version',
    `apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    workload-identity-imds-proxy/injected: '{"v":2}'\nspec:\n  containers: [{name: x, image: x}]\n`,
    start + 4,
    /is not a record that this version can undo/,
  ],
  [
    'no tenant',
    deployment(''),
    start + 6,
    /no tenant is known; pass --tenant-id/,
    ['--webhook=absent'],
  ],
  [
    'the name of the volume taken',
    deployment('      volumes:\n      - name: imds-proxy-token\n'),
    start + 7,
    /volume name imds-proxy-token is taken/,
    ['--webhook=absent', '--tenant-id=t.example'],
  ],
  [
    'a container that is not there',
    deployment(''),
    start + 7,
    /no container app, which --token-containers names; it has web/,
    ['--webhook=absent', '--tenant-id=t.example', '--token-containers=app'],
  ],
];

describe('bad input', () => {
  it.each(cases)(
    '%s: says where, changes only the others, and exits 1',
    async (_, document, line, message, flags = []) => {
      const input = around(document);
      // The last document has no tenant either, which is not what this is about.
      const { exitCode, stdout, stderr } = await inject(input, ...flags);
      const complaint = /^stdin:(\d+):[1-9]\d*: document 2: (?:[^:]*: )?error: (.*)$/m.exec(stderr);
      expect(complaint?.[2], stderr).toMatch(message);
      expect(Number(complaint?.[1]), stderr).toBe(line);
      expect(exitCode).toBe(1);
      expect(stdout.startsWith(input.slice(0, input.lastIndexOf('---')))).toBe(true);
      if (!flags.includes('--webhook=absent')) {
        expect(stderr).toContain('document 3: Pod last: injected');
        expect(stdout).toContain('name: azwi-proxy\n');
      }
    },
  );

  it.each([
    [
      'another protocol',
      deployment(
        '',
        '      - name: web\n        image: x\n        ports: [{containerPort: 8000, protocol: UDP}]\n',
      ),
    ],
    ['another group', deployment('      securityContext: {runAsUser: 1501, runAsGroup: 2}\n')],
    ['hostNetwork that is off', deployment('      hostNetwork: false\n')],
    [
      'a label in a template that is only text',
      deployment('', '      - name: web\n        image: x\n        args: ["{{ .x }}", "$(Y)"]\n'),
    ],
    [
      'anchors elsewhere',
      deployment(
        '',
        '      - &c\n        name: web\n        image: x\n        env: &e [{name: A, value: b}]\n      - name: two\n        image: x\n        env: *e\n',
      ),
    ],
  ])('is not confused by %s', async (_, document) => {
    const { exitCode, stderr } = await inject(document);
    expect(stderr).toContain('injected');
    expect(exitCode).toBe(0);
  });

  it('allows a pod the user of the proxy when nobody is exempt', async () => {
    const pod = deployment('      securityContext: {runAsUser: 1501}\n');
    const { exitCode, stdout } = await inject(pod, '--passthrough=off');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/- name: INIT_EXEMPT\n +value: none\n/);
  });

  it('injects the others of a List when one of its objects is at fault, in YAML and in JSON', async () => {
    const pod = (name: string, port: number): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: port }] }] },
    });
    const list = { apiVersion: 'v1', kind: 'List', items: [pod('good', 80), pod('bad', 8000)] };
    for (const input of [stringify(list), JSON.stringify(list), JSON.stringify(list, null, 2)]) {
      const { exitCode, stdout, stderr } = await inject(input);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('Pod good: injected');
      expect(stderr).toContain('Pod bad: error: port 8000 is taken');
      const { items } = parse(stdout);
      expect(items[0].spec.initContainers[1].name).toBe('azwi-proxy');
      expect(items[1]).toEqual(pod('bad', 8000));
    }
  });

  it('leaves out only the object that cannot be edited in place', async () => {
    // Only the whole document has the anchors of the aliases.
    const input =
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: one}\n  spec: &s\n    containers: [{name: c, image: x}]\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: two}\n  spec: *s\n';
    const { exitCode, stdout, stderr } = await inject(input);
    expect(stderr).toMatch(/^stdin:8:5: .*Pod one: error: &s stands for this part elsewhere too/m);
    expect(stderr).toContain('Pod two: injected');
    expect(exitCode).toBe(1);
    const { items } = parse(stdout, { merge: true });
    expect(items[0].spec).toEqual({ containers: [{ name: 'c', image: 'x' }] });
    expect(items[1].spec.initContainers[1].name).toBe('azwi-proxy');
  });

  it('says that there is nothing in an input without objects', async () => {
    for (const stdin of ['', '\n', '# nothing\n---\n---\n', 'services:\n  web:\n    image: x\n']) {
      const { exitCode, stderr } = await inject(stdin);
      expect(stderr).toContain(
        'inject: error: there is no Kubernetes object in the input; check the input\n',
      );
      expect(exitCode).toBe(1);
    }
  });
});

describe('documents that are left alone', () => {
  it.each([
    ['compose files', 'services:\n  web:\n    image: x\n'],
    ['texts', 'just words\n'],
    [
      'JSON patches',
      '- {op: add, path: /spec/template/spec/containers/-, value: {name: x, image: y}}\n',
    ],
    ['values of a chart', 'image: x\nreplicas: 2\n'],
  ])('%s are listed on request only, and are not an error', async (_, document) => {
    const input = around(document);
    const quiet = await inject(input);
    expect(quiet.exitCode).toBe(0);
    expect(quiet.stderr).not.toContain('document 2');
    expect(quiet.stderr).toMatch(/1 changed, 1 unchanged, 1 ignored, 0 failed\n$/);
    const verbose = await inject(input, '--verbose');
    expect(verbose.stderr).toContain(
      `stdin:${start}: document 2: ignored (not a Kubernetes object: it lacks apiVersion or kind)`,
    );
  });

  it.each<[string, string, RegExp]>([
    [
      'no pod template',
      'apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 1\n',
      /no pod template/,
    ],
    [
      'no spec',
      'apiVersion: v1\nkind: Pod\nmetadata: {}\n',
      /has no containers, so it looks like a patch/,
    ],
    ['no containers', 'apiVersion: v1\nkind: Pod\nspec:\n  containers: []\n', /has no containers/],
    [
      'no image',
      deployment('', '      - name: web\n'),
      /container web has no image.*kustomize build/,
    ],
    [
      'a directive of kustomize',
      deployment('      $patch: replace\n'),
      /it has \$patch, so it looks like a patch/,
    ],
    [
      'a patch that would be refused if it were a pod',
      deployment(
        '      hostNetwork: true\n',
        '      - name: web\n        ports: [{containerPort: 8000}]\n',
      ),
      /container web has no image/,
    ],
    ['hostNetwork', deployment('      hostNetwork: true\n'), /hostNetwork is true/],
    ['broken YAML without pods', 'kind: [\n', /not YAML.*it names no containers/],
    [
      'a pod without apiVersion',
      'kind: Deployment\nspec: {template: {spec: {containers: [{name: x, image: y}]}}}\n',
      /lacks apiVersion or kind, but something at spec.template looks like a pod/,
    ],
  ])('%s: a warning, and exit code 0', async (_, document, message) => {
    const input = around(document);
    const { exitCode, stdout, stderr } = await inject(input);
    const warning = /^stdin:\d+: document 2: .*?warning: not injected: (.*)$/m.exec(stderr);
    expect(warning?.[1], stderr).toMatch(message);
    expect(stdout).toContain(document);
    expect(stderr).toMatch(/1 changed, 1 unchanged, 1 skipped with a warning, 0 failed\n$/);
    expect(exitCode).toBe(0);
  });

  it('fail when --only names them', async () => {
    for (const [document, name] of [
      [deployment('      hostNetwork: true\n'), 'Deployment/web'],
      [deployment('', '      - name: web\n'), 'web'],
      ['apiVersion: v1\nkind: Service\nmetadata: {name: web}\n', 'web'],
    ] as const) {
      const { exitCode, stderr } = await inject(around(document), `--only=${name}`);
      expect(stderr).toMatch(/document 2: \w+ web: error: /);
      expect(exitCode).toBe(1);
    }
  });
});
