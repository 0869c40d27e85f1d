import { describe, expect, it } from 'vitest';
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

const cases: readonly [
  name: string,
  document: string,
  line: number,
  message: RegExp,
  flags?: string[],
][] = [
  ['no YAML', 'kind: [\n', start + 1, /^not YAML/],
  [
    'a tab that indents',
    'apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n',
    start + 3,
    /a tab indents this line/,
  ],
  [
    'a template',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n',
    start + 3,
    /template/,
  ],
  [
    'a template with quoted values',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  name: "{{ .Values.name }}"\n',
    start + 3,
    /template/,
  ],
  [
    'no Kubernetes object',
    'services:\n  web:\n    image: x\n',
    start,
    /no Kubernetes object: it lacks apiVersion or kind/,
  ],
  ['a text', 'just words\n', start, /no Kubernetes object/],
  [
    'an object without kind in a list',
    'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  metadata: {}\n',
    start + 3,
    /no Kubernetes object/,
  ],
  ['hostNetwork', deployment('      hostNetwork: true\n'), start + 7, /hostNetwork is true/],
  [
    'hostNetwork in the words of YAML 1.1',
    deployment('      hostNetwork: yes\n'),
    start + 7,
    /hostNetwork is true/,
  ],
  ['a pod for Windows', deployment('      os: {name: windows}\n'), start + 7, /Windows/],
  [
    'a pod for Windows nodes',
    deployment('      nodeSelector:\n        kubernetes.io/os: windows\n'),
    start + 7,
    /Windows/,
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
      '      - name: web\n        ports:\n        - containerPort: 1\n        - containerPort: 8000\n',
    ),
    start + 11,
    /port 8000 is taken by container web.*--proxy-port/,
  ],
  [
    'the port of the proxy probed',
    deployment('', '      - name: web\n        livenessProbe:\n          httpGet: {port: 8000}\n'),
    start + 10,
    /port 8000 is taken/,
  ],
  [
    'the chosen port taken',
    deployment('', '      - name: web\n        ports: [{containerPort: 81}]\n'),
    start + 9,
    /port 81 is taken/,
    ['--proxy-port=81'],
  ],
  [
    'the admin port taken',
    deployment('', '      - name: web\n        ports: [{containerPort: 9808}]\n'),
    start + 9,
    /port 9808 is taken.*--admin-port/,
  ],
  [
    'an annotated port that is none',
    `apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    azure.workload.identity/proxy-sidecar-port: "0"\nspec:\n  containers: [{name: x}]\n`,
    start + 4,
    /no port from 1 to 65535/,
  ],
  [
    'a webhook that is to skip the proxy',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    azure.workload.identity/skip-containers: log; azwi-proxy\nspec:\n  containers: [{name: x}]\n',
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
      '      - name: web\n        securityContext: {runAsUser: 1501, runAsGroup: 1501}\n',
    ),
    start + 9,
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
    'no pod template',
    'apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 1\n',
    start + 2,
    /no pod template/,
  ],
  ['no spec', 'apiVersion: v1\nkind: Pod\nmetadata: {}\n', start, /no spec/],
  [
    'no containers',
    'apiVersion: v1\nkind: Pod\nspec:\n  containers: []\n',
    start + 3,
    /no containers/,
  ],
  [
    'containers that are no list',
    'apiVersion: v1\nkind: Pod\nspec:\n  containers: {a: b}\n',
    start + 3,
    /spec.containers is not a list/,
  ],
  [
    'a container without name',
    'apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: x\n',
    start + 4,
    /has no name/,
  ],
  [
    'labels that are no map',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  labels: [x]\nspec:\n  containers: [{name: x}]\n',
    start + 3,
    /metadata.labels is not a map/,
  ],
  [
    'labels that the selector repeats',
    'apiVersion: apps/v1\nkind: Deployment\nspec:\n  selector:\n    matchLabels: &l\n      app: web\n  template:\n    metadata:\n      labels: *l\n    spec:\n      containers: [{name: web}]\n',
    start + 8,
    /\*l stands for a part.*write it out/,
  ],
  [
    'labels that are repeated elsewhere',
    'apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    metadata:\n      labels: &l\n        app: web\n    spec:\n      containers: [{name: web}]\n  selector:\n    matchLabels: *l\n',
    start + 6,
    /&l stands for this part elsewhere/,
  ],
  [
    'a record that it did not write',
    'apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    workload-identity-imds-proxy/injected: yes\nspec:\n  containers: [{name: x}]\n',
    start + 4,
    /does not hold what this version can undo/,
  ],
  [
    'a record of a later version',
    `apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    workload-identity-imds-proxy/injected: '{"v":2}'\nspec:\n  containers: [{name: x}]\n`,
    start + 4,
    /does not hold what this version can undo/,
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
    /volume imds-proxy-token is taken/,
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
      const complaint = /^stdin:(\d+): document 2: (?:[^:]*: )?error: (.*)$/m.exec(stderr);
      expect(complaint?.[2], stderr).toMatch(message);
      expect(Number(complaint?.[1]), stderr).toBe(line);
      expect(exitCode).toBe(1);
      expect(stdout.startsWith(input.slice(0, input.lastIndexOf('---')))).toBe(true);
      if (flags.length === 0) {
        expect(stderr).toContain('document 3: Pod last: injected');
        expect(stdout).toContain('name: azwi-proxy\n');
      }
    },
  );

  it.each([
    [
      'another protocol',
      deployment('', '      - name: web\n        ports: [{containerPort: 8000, protocol: UDP}]\n'),
    ],
    ['another group', deployment('      securityContext: {runAsUser: 1501, runAsGroup: 2}\n')],
    ['hostNetwork that is off', deployment('      hostNetwork: false\n')],
    [
      'a label in a template that is only text',
      deployment('', '      - name: web\n        args: ["{{ .x }}", "$(Y)"]\n'),
    ],
    [
      'anchors elsewhere',
      deployment(
        '',
        '      - &c\n        name: web\n        env: &e [{name: A, value: b}]\n      - name: two\n        env: *e\n',
      ),
    ],
  ])('is not confused by %s', async (_, document) => {
    const { exitCode, stderr } = await inject(document);
    expect(stderr).toContain('injected');
    expect(exitCode).toBe(0);
  });

  it('lets a pod run as the proxy does when nobody is let through', async () => {
    const pod = deployment('      securityContext: {runAsUser: 1501}\n');
    const { exitCode, stdout } = await inject(pod, '--passthrough=off');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/- name: INIT_EXEMPT\n +value: none\n/);
  });

  it('leaves a whole List alone when one of its objects is at fault', async () => {
    const pod = (name: string, more: string): string =>
      `- apiVersion: v1\n  kind: Pod\n  metadata: {name: ${name}}\n  spec:\n    containers: [{name: c}]\n${more}`;
    const input = `apiVersion: v1\nkind: List\nitems:\n${pod('good', '')}${pod('bad', '    hostNetwork: true\n')}`;
    const { exitCode, stdout, stderr } = await inject(input);
    expect(stdout).toBe(input);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'Pod good: unchanged (another object of the same document is at fault)',
    );
    expect(stderr).toContain('stdin:14: document 1: Pod bad: error: hostNetwork is true');
  });

  it('says that there is nothing in an input without objects', async () => {
    for (const stdin of ['', '\n', '# nothing\n---\n---\n']) {
      const { exitCode, stderr } = await inject(stdin);
      expect(stderr).toBe('inject: error: there is no Kubernetes object in the input\n');
      expect(exitCode).toBe(1);
    }
  });
});
