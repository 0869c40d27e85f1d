import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import { toProbedEndpoint } from '../../proxy/process/ready-probe.ts';
import { toErrorCode } from '../../shared/small-file.ts';
import { buildInfo } from '../../shared/version.ts';
import { type Check, type Evidence, type Finding, fail, ok, skip, warn } from '../engine/check.ts';
import { getFrom, type HttpAnswer } from '../network/http-get.ts';
import { once } from '../network/once.ts';
import { readSockets } from '../network/sockets.ts';
import { readProcess } from './running-process.ts';
import type { RunningProxy } from './running-proxy.ts';

/** A proxy that is up answers within milliseconds. */
const answerMs = 4_000;

const docs = 'docs/troubleshooting.md#the-container-does-not-start';

const logCommands =
  'Look at the log and at the reason of the last stop: kubectl logs POD -c azwi-proxy --previous; kubectl describe pod POD.';

/** Whether the proxy answers, and is this program. */
export function createProxyChecks(
  config: ProxyConfig,
  proxy: RunningProxy | undefined,
): readonly Check[] {
  const endpoint = toProbedEndpoint({ address: config.bindAddress, port: config.proxyPort });
  const ask = once(() => getFrom(endpoint, '/readyz', { timeoutMs: answerMs }));
  return [
    {
      id: 'proxy',
      needs: ['settings'],
      async run() {
        const at = `${endpoint.address} port ${endpoint.port}`;
        try {
          return judgeProxy(await ask(), at);
        } catch (error) {
          return explainSilence(toErrorCode(error), at, endpoint.port, proxy);
        }
      },
    },
    {
      id: 'proxy-version',
      needs: ['proxy'],
      run: async () => judgeVersion(findVersion(await ask())),
    },
  ];
}

/** The version in the Server header of our answers; undefined for those of other programs. */
export function findVersion({ headers }: Pick<HttpAnswer, 'headers'>): string | undefined {
  return /^IMDS\/(\S+) \(workload-identity-imds-proxy\)$/.exec(
    String(headers['server'] ?? ''),
  )?.[1];
}

function judgeProxy(answer: HttpAnswer, at: string): Finding {
  if (findVersion(answer) !== undefined) return ok(`answers at ${at}`);
  return fail(`another program answers at ${at}`, {
    evidence: { status: answer.status, server: String(answer.headers['server'] ?? '(none)') },
    fix: 'Give the proxy a port that no container of the pod uses: --proxy-port (IMDS_PROXY_PROXY_PORT) for the proxy, and the same in PROXY_PORT for proxy-init.',
    docs,
  });
}

async function explainSilence(
  code: string,
  at: string,
  port: number,
  proxy: RunningProxy | undefined,
): Promise<Finding> {
  if (code === 'ECONNREFUSED') {
    return fail(
      proxy === undefined
        ? `no proxy is running: nothing listens at ${at}`
        : `process ${proxy.pid} is the proxy, and nothing listens at ${at}`,
      { evidence: { ports: await listPorts() }, fix: logCommands, docs },
    );
  }
  const evidence: Evidence = { code, ...(await describeOwner(port)) };
  const { state } = proxy === undefined ? {} : await readProcess(proxy.pid);
  if (state === 'T') {
    return fail(`the proxy does not answer at ${at}: process ${proxy?.pid} is stopped (state T)`, {
      evidence,
      fix: `Somebody sent it SIGSTOP. Let it continue: kill -CONT ${proxy?.pid}. Or restart the pod.`,
      docs,
    });
  }
  return fail(`the proxy does not answer at ${at} within ${answerMs / 1_000} s (${code})`, {
    evidence: { ...evidence, ...(state !== undefined && { 'process state': state }) },
    fix: `It may be starved of CPU or memory: compare resources.limits with docs/sizing.md. ${logCommands}`,
    docs,
  });
}

/** The ports of this network namespace that something listens on. */
async function listPorts(): Promise<string> {
  const ports = (await readSockets()).filter(({ isListening }) => isListening);
  const shown = [...new Set(ports.map(({ localPort }) => localPort))].toSorted((a, b) => a - b);
  return shown.slice(0, 20).join(', ') || 'nothing listens in this pod';
}

async function describeOwner(port: number): Promise<Evidence> {
  const owner = (await readSockets()).find((row) => row.isListening && row.localPort === port);
  return owner === undefined ? {} : { 'the port belongs to user': owner.uid };
}

/** @param version of the running proxy */
function judgeVersion(version: string | undefined): Finding {
  if (version === buildInfo.version) return ok(version);
  return warn(`the running proxy is ${version}, and this doctor ${buildInfo.version}`, {
    fix: 'Run the doctor of the same version: the /proxy in the container of the proxy itself.',
    docs: 'docs/upgrade.md',
  });
}

/** What the admin port says; undefined if it is off or not ours. */
export interface AdminAnswers {
  readonly readyz: () => Promise<HttpAnswer>;
  readonly status: () => Promise<HttpAnswer>;
  readonly metrics: () => Promise<HttpAnswer>;
}

export function askAdmin({ adminAddress, adminPort }: ProxyConfig): AdminAnswers {
  const endpoint = toProbedEndpoint({ address: adminAddress, port: adminPort });
  // The listener on :: accepts IPv4 as well, and a pod may have no IPv6 at all.
  const local = adminAddress === '::' ? { ...endpoint, address: '127.0.0.1' } : endpoint;
  const ask = (path: string) => once(() => getFrom(local, path, { timeoutMs: answerMs }));
  return {
    readyz: ask('/readyz?verbose'),
    status: ask('/statusz?output=json'),
    metrics: ask('/metrics'),
  };
}

/** Whether health and metrics are served, and whether the proxy is ready. */
export function createAdminChecks(config: ProxyConfig, admin: AdminAnswers): readonly Check[] {
  const { adminAddress, adminPort } = config;
  if (adminPort === 0) {
    return [
      { id: 'admin-port', needs: ['proxy'], run: async () => skip('IMDS_PROXY_ADMIN_PORT is 0') },
    ];
  }
  const at = `${adminAddress} port ${adminPort}`;
  const fix =
    'Set IMDS_PROXY_ADMIN_PORT to a port that no container of the pod uses, and the ports of the probes and of the scrape to the same.';
  return [
    {
      id: 'admin-port',
      needs: ['proxy'],
      async run() {
        let answer: HttpAnswer;
        try {
          answer = await admin.readyz();
        } catch (error) {
          const code = toErrorCode(error);
          return fail(`health and metrics are not served at ${at} (${code})`, {
            evidence: await describeOwner(adminPort),
            fix: `The port was in use when the proxy started, or something blocks it. ${fix}`,
            docs: 'docs/configuration.md#the-admin-port',
          });
        }
        if (/^readyz check (?:passed|failed)$/m.test(answer.text))
          return ok(`serves health and metrics at ${at}`);
        return fail(`another program answers at ${at}`, {
          evidence: {
            ...(await describeOwner(adminPort)),
            status: answer.status,
            server: String(answer.headers['server'] ?? '(none)'),
          },
          fix,
          docs: 'docs/configuration.md#the-admin-port',
        });
      },
    },
    {
      id: 'proxy-ready',
      needs: ['admin-port'],
      run: async () => judgeReadiness(await admin.readyz()),
    },
  ];
}

/** Judges the answer to `/readyz?verbose`. */
export function judgeReadiness({ status, text }: Pick<HttpAnswer, 'status' | 'text'>): Finding {
  const lines = text.split('\n').filter((line) => /^\[[+\-i]\]/.test(line));
  const evidence = Object.fromEntries(
    lines.map((line) => {
      const [, mark = '', name = '', rest = ''] = /^\[(.)\]([^\s:]+)(.*)$/.exec(line) ?? [];
      return [name, mark === '+' ? 'ok' : rest.replace(/^[\s:]+/, '')];
    }),
  );
  const [failed] = lines.filter((line) => line.startsWith('[-]'));
  if (status === 200 || failed === undefined) return ok('ready', { evidence });
  return fail(`not ready: ${failed.slice(3)}`, {
    evidence,
    fix: 'Fix the checks above that failed. While the proxy is not ready, the pod gets no traffic from its Services.',
    docs: 'docs/configuration.md#the-admin-port',
  });
}
