import type { Cause } from '../../../../src/doctor/files/causes.ts';
import type { Shop } from './namespace.ts';

/** A cause, set up in the healthy namespace, and what doctor must say first. */
export interface Case {
  readonly title: string;
  readonly change: (shop: Shop) => void;
  readonly cause: Cause;
  /** Words of the first failing line, or of the first warning if nothing fails. */
  readonly says: RegExp;
  /** The command, or the setting to change. */
  readonly fix: RegExp;
}

const clientId = '3f6b1c52-8f1e-4c0b-9a55-0d6f5e2b7a10';
const annotation = 'azure.workload.identity/client-id';

/** What a webhook adds to a pod, taken away. */
function notInjected(shop: Shop): void {
  shop.without('azwi-proxy');
  shop.without('azwi-proxy-init');
  shop.everyPod(({ spec }) => {
    spec.volumes = spec.volumes.filter(({ name }: { name: string }) => !name.startsWith('azure-'));
    for (const container of spec.containers) {
      container.env = container.env.filter(
        ({ name }: { name: string }) => !name.startsWith('AZURE_'),
      );
    }
  });
}

function ended(shop: Shop, name: string, exitCode: number, reason: string, message?: string): void {
  shop.everyPod((pod) => {
    Object.assign(shop.status(pod, name), {
      ready: false,
      restartCount: 6,
      state: {
        waiting: {
          reason: 'CrashLoopBackOff',
          message: 'back-off 5m0s restarting failed container',
        },
      },
      lastState: { terminated: { exitCode, reason, ...(message !== undefined && { message }) } },
    });
  });
}

function addEvent(shop: Shop, event: object): void {
  shop.items.push({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'web.187a3f0c5d1e9b43', namespace: 'shop' },
    involvedObject: { kind: 'ReplicaSet', namespace: 'shop', name: 'web-6d5f7c9b84' },
    reason: 'FailedCreate',
    type: 'Warning',
    lastTimestamp: '2026-11-23T08:00:00Z',
    ...event,
  });
}

/** No pod exists: the ReplicaSet cannot make one. */
function withoutPods(shop: Shop): void {
  for (const pod of shop.pods) shop.items.splice(shop.items.indexOf(pod), 1);
}

function forbids(shop: Shop, why: string): void {
  withoutPods(shop);
  addEvent(shop, { message: `Error creating: ${why}` });
}

/** The rows of the 3 a.m. table for which a kubelet is needed, and every other cause that files show. */
export const cases: readonly Case[] = [
  {
    title: 'ServiceAccount without annotation',
    change(shop) {
      delete shop.account.metadata.annotations;
      shop.setVariable('azwi-proxy', 'AZURE_CLIENT_ID', undefined);
    },
    cause: 'client-id-missing',
    says: /2 pods of Deployment shop\/web .*ServiceAccount shop\/legacy-app has no annotation azure\.workload\.identity\/client-id/,
    fix: /^kubectl annotate serviceaccount legacy-app --namespace shop --overwrite azure\.workload\.identity\/client-id='<CLIENT_ID>' && kubectl rollout restart deployment\/web --namespace shop$/,
  },
  {
    title: 'no ServiceAccount named in the pod',
    change(shop) {
      shop.everyPod(({ spec }) => {
        delete spec.serviceAccountName;
        delete spec.serviceAccount;
      });
      shop.setVariable('azwi-proxy', 'AZURE_CLIENT_ID', undefined);
    },
    cause: 'client-id-missing',
    says: /the pod runs as default because it names no ServiceAccount/,
    fix: /^Set serviceAccountName of Deployment shop\/web/,
  },
  {
    title: 'object ID in place of the client ID, and the identity is in the input',
    change(shop) {
      const objectId = 'd0c9a7b6-1234-4f60-8b1e-2a3b4c5d6e7f';
      shop.account.metadata.annotations[annotation] = objectId;
      shop.setVariable('azwi-proxy', 'AZURE_CLIENT_ID', objectId);
      shop.items.push({
        apiVersion: 'managedidentity.azure.com/v1api20230131',
        kind: 'UserAssignedIdentity',
        metadata: { name: 'shop', namespace: 'shop' },
        status: {
          clientId,
          principalId: objectId,
          tenantId: '8c7d2f3e-1b64-4d0a-8e39-5f2a9c6b1e47',
        },
      });
    },
    cause: 'object-id',
    says: /the object ID \(principalId\) of an identity whose client ID is 3f6b1c52/,
    fix: /client-id='3f6b1c52-8f1e-4c0b-9a55-0d6f5e2b7a10' && kubectl rollout restart/,
  },
  {
    title: 'object ID in place of the client ID, and the application ended with 700016',
    change(shop) {
      ended(
        shop,
        'app',
        1,
        'Error',
        "AADSTS700016: Application with identifier 'd0c9a7b6-1234-4f60-8b1e-2a3b4c5d6e7f' was not found in the directory",
      );
    },
    cause: 'entra-refuses',
    says: /app ended with AADSTS700016/,
    fix: /an object ID in place of the client ID; az identity list --query/,
  },
  {
    title: 'client ID is the tenant',
    change(shop) {
      const tenant = '8c7d2f3e-1b64-4d0a-8e39-5f2a9c6b1e47';
      shop.account.metadata.annotations[annotation] = tenant;
      shop.setVariable('azwi-proxy', 'AZURE_CLIENT_ID', tenant);
    },
    cause: 'client-id-form',
    says: /the ID of the tenant/,
    fix: /kubectl annotate serviceaccount/,
  },
  {
    title: 'client ID is a resource ID',
    change(shop) {
      shop.account.metadata.annotations[annotation] =
        '/subscriptions/x/resourceGroups/y/providers/Microsoft.ManagedIdentity/userAssignedIdentities/z';
    },
    cause: 'client-id-form',
    says: /is not a GUID: it is an identity's resource ID/,
    fix: /az identity list/,
  },
  {
    title: 'annotation was added after the pods',
    change: (shop) => shop.setVariable('azwi-proxy', 'AZURE_CLIENT_ID', undefined),
    cause: 'client-id-old',
    says: /it was made before the annotation/,
    fix: /^kubectl rollout restart deployment\/web --namespace shop$/,
  },
  {
    title: 'annotation was changed after the pods',
    change(shop) {
      shop.account.metadata.annotations[annotation] = '11111111-8f1e-4c0b-9a55-0d6f5e2b7a10';
    },
    cause: 'client-id-differs',
    says: /names 11111111-.* and the pod 3f6b1c52-/,
    fix: /kubectl rollout restart/,
  },
  {
    title: 'ServiceAccount is not there',
    change: (shop) => void shop.items.splice(shop.items.indexOf(shop.account), 1),
    cause: 'service-account-missing',
    says: /ServiceAccount shop\/legacy-app is not in the input/,
    fix: /kubectl create serviceaccount legacy-app --namespace shop/,
  },
  {
    title: 'tenant is missing',
    change(shop) {
      shop.setVariable('azwi-proxy', 'AZURE_TENANT_ID', undefined);
      ended(shop, 'azwi-proxy', 1, 'Error', 'setup: AZURE_TENANT_ID not set');
    },
    cause: 'tenant-missing',
    says: /azwi-proxy has no AZURE_TENANT_ID/,
    fix: /azureTenantID/,
  },
  {
    title: 'tenant is a name',
    change: (shop) => shop.setVariable('azwi-proxy', 'AZURE_TENANT_ID', 'contoso'),
    cause: 'tenant-form',
    says: /AZURE_TENANT_ID of azwi-proxy is neither a GUID nor a domain \(contoso\)/,
    fix: /az account show --query tenantId/,
  },
  {
    title: 'webhook absent',
    change: notInjected,
    cause: 'webhook-absent',
    says: /no webhook changed it/,
    fix: /kubectl get mutatingwebhookconfigurations,pods/,
  },
  {
    title: 'webhook absent, and the configurations are in the input',
    change(shop) {
      notInjected(shop);
      shop.items.push({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'istio-sidecar-injector' },
        webhooks: [{ name: 'sidecar-injector.istio.io' }],
      });
    },
    cause: 'webhook-absent',
    says: /the cluster has no webhook of azure-workload-identity/,
    fix: /az aks update .*--enable-workload-identity/,
  },
  {
    title: 'namespace excluded by the selector of the webhook',
    change(shop) {
      notInjected(shop);
      shop.items.push({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'azure-wi-webhook-mutating-webhook-configuration' },
        webhooks: [
          {
            name: 'mutation.azure-workload-identity.io',
            namespaceSelector: {
              matchExpressions: [
                { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['shop'] },
              ],
            },
          },
        ],
      });
    },
    cause: 'namespace-excluded',
    says: /namespaceSelector .* does not match the labels of the namespace/,
    fix: /Run the workload in another namespace/,
  },
  {
    title: 'namespace excluded by AKS',
    change(shop) {
      notInjected(shop);
      shop.namespace.metadata.labels['control-plane'] = 'true';
    },
    cause: 'namespace-excluded',
    says: /AKS excludes namespaces with the label control-plane/,
    fix: /proxy inject/,
  },
  {
    title: 'label missing',
    change(shop) {
      notInjected(shop);
      shop.everyPod(({ metadata }) => delete metadata.labels['azure.workload.identity/use']);
    },
    cause: 'label-missing',
    says: /not the label azure\.workload\.identity\/use: "true"/,
    fix: /^kubectl patch deployment\/web --namespace shop --patch '\{"spec":\{"template":\{"metadata":\{"labels":\{"azure\.workload\.identity\/use":"true"\}\}\}\}\}'$/,
  },
  {
    title: 'label on the Deployment and not on its template',
    change(shop) {
      notInjected(shop);
      shop.everyPod(({ metadata }) => delete metadata.labels['azure.workload.identity/use']);
      shop.items.push({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: {
          name: 'web',
          namespace: 'shop',
          labels: { 'azure.workload.identity/use': 'true' },
        },
        spec: { template: { metadata: {}, spec: { containers: [{ name: 'app', image: 'x' }] } } },
      });
    },
    cause: 'label-missing',
    says: /the label of the Deployment itself does not count/,
    fix: /kubectl patch deployment\/web/,
  },
  {
    title: 'annotation missing',
    change(shop) {
      shop.without('azwi-proxy');
      shop.without('azwi-proxy-init');
      shop.everyPod(({ metadata }) => delete metadata.annotations);
    },
    cause: 'label-without-annotation',
    says: /gets a federated token and no proxy/,
    fix: /kubectl patch deployment\/web .*inject-proxy-sidecar/,
  },
  {
    title: 'neither label nor annotation, and the ServiceAccount has an identity',
    change(shop) {
      notInjected(shop);
      shop.everyPod(({ metadata }) => {
        delete metadata.annotations;
        delete metadata.labels['azure.workload.identity/use'];
      });
    },
    cause: 'account-without-label',
    says: /ServiceAccount shop\/legacy-app has a client ID, and the pod has neither the label/,
    fix: /kubectl patch deployment\/web .*labels/,
  },
  {
    title: 'annotation of the migration guide, which no webhook knows',
    change(shop) {
      shop.without('azwi-proxy');
      shop.without('azwi-proxy-init');
      shop.everyPod(({ metadata }) => {
        metadata.annotations = { 'azure.workload.identity/proxy': 'true' };
      });
    },
    cause: 'annotation-not-honoured',
    says: /azure\.workload\.identity\/proxy, which azure-workload-identity's webhook does not know/,
    fix: /inject-proxy-sidecar":"true"/,
  },
  {
    title: 'annotation added after the pods',
    change(shop) {
      shop.without('azwi-proxy');
      shop.without('azwi-proxy-init');
    },
    cause: 'proxy-not-injected',
    says: /has the token of the webhook and no container azwi-proxy/,
    fix: /kubectl rollout restart/,
  },
  {
    title: 'annotation that is neither true nor false',
    change: (shop) =>
      shop.everyPod(({ metadata }) => {
        metadata.annotations['azure.workload.identity/inject-proxy-sidecar'] = 'yes please';
      }),
    cause: 'request-unclear',
    says: /neither "true" nor "false"/,
    fix: /inject-proxy-sidecar/,
  },
  {
    title: 'annotation "false", which the webhook does not read',
    change: (shop) =>
      shop.everyPod(({ metadata }) => {
        metadata.annotations['azure.workload.identity/inject-proxy-sidecar'] = 'false';
      }),
    cause: 'opt-out-ignored',
    says: /the pod says no .* and has a proxy/,
    fix: /^Remove the annotation/,
  },
  {
    title: 'hostNetwork',
    change(shop) {
      notInjected(shop);
      shop.everyPod(({ spec }) => {
        spec.hostNetwork = true;
      });
    },
    cause: 'host-network',
    says: /hostNetwork is true/,
    fix: /Set hostNetwork: false in Deployment shop\/web/,
  },
  {
    title: 'hostNetwork, with containers by hand',
    change(shop) {
      shop.everyPod(({ spec }) => {
        spec.hostNetwork = true;
      });
      ended(
        shop,
        'azwi-proxy-init',
        8,
        'Error',
        "This is the node's network namespace (hostNetwork: true).",
      );
    },
    cause: 'host-network',
    says: /hostNetwork is true/,
    fix: /hostNetwork: false/,
  },
  {
    title: 'Windows',
    change(shop) {
      notInjected(shop);
      shop.everyPod(({ spec }) => {
        spec.nodeSelector = { 'kubernetes.io/os': 'windows' };
      });
    },
    cause: 'windows',
    says: /the pod is for Windows/,
    fix: /workload identity in its SDK/,
  },
  {
    title: 'virtual nodes',
    change(shop) {
      notInjected(shop);
      shop.everyPod(({ spec }) => {
        spec.nodeSelector = { type: 'virtual-kubelet' };
      });
    },
    cause: 'virtual-node',
    says: /virtual nodes/,
    fix: /ordinary nodes/,
  },
  {
    title: 'Pod Security refuses, in an event',
    change: (shop) =>
      forbids(
        shop,
        'pods "web-6d5f7c9b84-" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "azwi-proxy-init" must not include "NET_ADMIN" in securityContext.capabilities.add)',
      ),
    cause: 'pod-security',
    says: /Deployment shop\/web: Pod Security of the namespace shop \(restricted\) refuses the pods: .*azwi-proxy-init/,
    fix: /proxy inject --no-redirect/,
  },
  {
    title: 'Pod Security will refuse a template',
    change(shop) {
      const [pod] = shop.pods;
      withoutPods(shop);
      shop.namespace.metadata.labels['pod-security.kubernetes.io/enforce'] = 'baseline';
      shop.items.push({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'shop' },
        spec: { template: { metadata: { labels: pod.metadata.labels }, spec: pod.spec } },
      });
    },
    cause: 'pod-security',
    says: /enforces the level baseline, which forbids the NET_ADMIN/,
    fix: /--no-redirect/,
  },
  {
    title: 'the webhook refuses hostNetwork, in an event',
    change: (shop) =>
      forbids(
        shop,
        'admission webhook "mutation.azure-workload-identity.io" denied the request: hostNetwork is set to true, cannot inject proxy sidecar',
      ),
    cause: 'webhook-refuses',
    says: /the webhook refuses the pods: .*hostNetwork/,
    fix: /Set hostNetwork: false/,
  },
  {
    title: 'the webhook does not answer',
    change: (shop) =>
      forbids(
        shop,
        'Internal error occurred: failed calling webhook "mutation.azure-workload-identity.io": failed to call webhook: Post "https://azure-wi-webhook-webhook-service.kube-system.svc:443/mutate-v1-pod?timeout=10s": no endpoints available',
      ),
    cause: 'webhook-down',
    says: /the webhook does not answer/,
    fix: /kubectl get pods --all-namespaces --selector azure-workload-identity\.io\/system=true/,
  },
  {
    title: 'a quota wants limits',
    change: (shop) =>
      forbids(
        shop,
        'pods "web-6d5f7c9b84-kq2vp" is forbidden: failed quota: compute: must specify limits.memory for: azwi-proxy,azwi-proxy-init',
      ),
    cause: 'quota-refuses',
    says: /must specify limits\.memory for: azwi-proxy/,
    fix: /LimitRange/,
  },
  {
    title: 'a policy engine refuses',
    change: (shop) =>
      forbids(
        shop,
        'admission webhook "validation.gatekeeper.sh" denied the request: [caps] container <azwi-proxy-init> has a disallowed capability',
      ),
    cause: 'admission-refuses',
    says: /the API server refuses the pods/,
    fix: /exception for azwi-proxy-init/,
  },
  {
    title: 'ServiceAccount does not exist, in an event',
    change(shop) {
      shop.items.splice(shop.items.indexOf(shop.account), 1);
      forbids(
        shop,
        'pods "web-6d5f7c9b84-" is forbidden: error looking up service account shop/legacy-app: serviceaccount "legacy-app" not found',
      );
    },
    cause: 'service-account-missing',
    says: /ServiceAccount shop\/legacy-app does not exist/,
    fix: /kubectl create serviceaccount legacy-app --namespace shop/,
  },
  {
    title: 'redirect missing',
    change: (shop) => shop.without('azwi-proxy-init'),
    cause: 'redirect-missing',
    says: /no proxy-init: requests to 169\.254\.169\.254 reach the node/,
    fix: /proxy inject --init-image/,
  },
  {
    title: 'proxy missing',
    change: (shop) => shop.without('azwi-proxy'),
    cause: 'proxy-missing',
    says: /azwi-proxy-init and no proxy/,
    fix: /proxy inject/,
  },
  {
    title: 'redirect of another port',
    change: (shop) => shop.setVariable('azwi-proxy-init', 'PROXY_PORT', '8001'),
    cause: 'port-mismatch',
    says: /azwi-proxy-init redirects to port 8001, and azwi-proxy listens on 8000/,
    fix: /Set PROXY_PORT of azwi-proxy-init to 8000/,
  },
  {
    title: 'port that is not one',
    change: (shop) =>
      shop.everyPod(({ metadata }) => {
        metadata.annotations['azure.workload.identity/proxy-sidecar-port'] = '99999';
      }),
    cause: 'port-form',
    says: /proxy-sidecar-port is not a port/,
    fix: /8000 is the default/,
  },
  {
    title: 'two proxies',
    change: (shop) =>
      shop.everyPod(({ spec }) => {
        spec.containers.push({
          name: 'proxy',
          image: 'mcr.microsoft.com/oss/azure/workload-identity/proxy:v1.5.1',
        });
      }),
    cause: 'two-proxies',
    says: /2 containers for one job: azwi-proxy, proxy/,
    fix: /Keep one/,
  },
  {
    title: 'sidecar without NET_ADMIN in its init container',
    change(shop) {
      shop.everyPod((pod) => {
        shop.container(pod, 'azwi-proxy-init').securityContext.capabilities = { drop: ['ALL'] };
      });
      ended(
        shop,
        'azwi-proxy-init',
        3,
        'Error',
        'Cannot write netfilter rules: CAP_NET_ADMIN is missing.',
      );
    },
    cause: 'no-net-admin',
    says: /azwi-proxy-init has no NET_ADMIN/,
    fix: /capabilities: \{drop: \[ALL\], add: \[NET_ADMIN\]\}/,
  },
  {
    title: 'proxy-init as a user who is not root',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.container(pod, 'azwi-proxy-init').securityContext.runAsUser = 1000;
      }),
    cause: 'no-net-admin',
    says: /runs as user 1000/,
    fix: /runAsUser: 0/,
  },
  {
    title: 'proxy-init fails at a mesh',
    change: (shop) =>
      ended(
        shop,
        'azwi-proxy-init',
        7,
        'Error',
        'Rules are loaded, but ISTIO_OUTPUT runs before them and can take connections to 169.254.169.254: -j ISTIO_REDIRECT',
      ),
    cause: 'init-failed',
    says: /azwi-proxy-init ended with exit code 7 .*ISTIO_OUTPUT runs before them/,
    fix: /INIT_BACKEND=nft.*\nIts log: kubectl logs web-6d5f7c9b84-2mzqk --namespace shop --container azwi-proxy-init --previous$/,
  },
  {
    title: 'the kernel has no netfilter',
    change: (shop) =>
      ended(
        shop,
        'azwi-proxy-init',
        4,
        'Error',
        'Neither nf_tables nor ip_tables is in this kernel.',
      ),
    cause: 'init-failed',
    says: /exit code 4 .*Neither nf_tables/,
    fix: /--no-redirect/,
  },
  {
    title: 'native sidecar without its restartPolicy',
    change: (shop) =>
      shop.everyPod((pod) => delete shop.container(pod, 'azwi-proxy').restartPolicy),
    cause: 'sidecar-not-native',
    says: /init container without restartPolicy: Always/,
    fix: /Set restartPolicy: Always/,
  },
  {
    title: 'a Job with a classic sidecar',
    change: (shop) =>
      shop.everyPod((pod) => {
        const proxy = shop.container(pod, 'azwi-proxy');
        const status = shop.status(pod, 'azwi-proxy');
        delete proxy.restartPolicy;
        pod.spec.restartPolicy = 'Never';
        pod.spec.initContainers = pod.spec.initContainers.filter((one: unknown) => one !== proxy);
        pod.spec.containers.push(proxy);
        pod.status.containerStatuses.push(status);
      }),
    cause: 'job-never-ends',
    says: /restartPolicy is Never, and azwi-proxy is an ordinary container/,
    fix: /--native-sidecar/,
  },
  {
    title: 'init containers before the redirect',
    change: (shop) =>
      shop.everyPod(({ spec }) => {
        spec.initContainers.unshift({ name: 'migrate', image: 'registry.example/shop/migrate:1' });
      }),
    cause: 'init-order',
    says: /the init container migrate runs before azwi-proxy-init/,
    fix: /Put azwi-proxy-init before/,
  },
  {
    title: 'init containers between redirect and proxy',
    change: (shop) =>
      shop.everyPod(({ spec }) => {
        spec.initContainers.splice(1, 0, {
          name: 'migrate',
          image: 'registry.example/shop/migrate:1',
        });
      }),
    cause: 'init-before-proxy',
    says: /the init container migrate runs after azwi-proxy-init and before azwi-proxy/,
    fix: /native sidecar/,
  },
  {
    title: 'application as uid 1501',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.container(pod, 'app').securityContext = { runAsUser: 1501, runAsGroup: 1501 };
      }),
    cause: 'app-as-proxy-user',
    says: /the container app runs as user 1501, whom the redirect exempts/,
    fix: /Set another runAsUser for app/,
  },
  {
    title: 'runAsUser of the pod',
    change: (shop) =>
      shop.everyPod((pod) => {
        pod.spec.securityContext = { runAsUser: 1000 };
        delete shop.container(pod, 'azwi-proxy').securityContext.runAsUser;
      }),
    cause: 'proxy-user',
    says: /azwi-proxy runs as user 1000, and the redirect exempts user 1501/,
    fix: /^Set securityContext\.runAsUser: 1501 on azwi-proxy/,
  },
  {
    title: 'runAsUser 0 of the pod',
    change(shop) {
      shop.everyPod((pod) => {
        pod.spec.securityContext = { runAsUser: 0 };
        delete shop.container(pod, 'azwi-proxy').securityContext.runAsUser;
        Object.assign(shop.status(pod, 'azwi-proxy'), {
          ready: false,
          state: {
            waiting: {
              reason: 'CreateContainerConfigError',
              message:
                "container's runAsUser breaks non-root policy (pod: web, container: azwi-proxy)",
            },
          },
        });
      });
    },
    cause: 'proxy-as-root',
    says: /runAsUser 0 of the pod applies to azwi-proxy/,
    fix: /runAsUser: 1501 on azwi-proxy/,
  },
  {
    title: 'proxy port taken',
    change(shop) {
      shop.everyPod((pod) => shop.container(pod, 'app').ports.push({ containerPort: 8000 }));
      ended(
        shop,
        'azwi-proxy',
        1,
        'Error',
        'listen EADDRINUSE: address already in use 127.0.0.1:8000',
      );
    },
    cause: 'proxy-port-taken',
    says: /the container app has port 8000 as well as azwi-proxy/,
    fix: /--proxy-port/,
  },
  {
    title: 'admin port taken',
    change(shop) {
      shop.everyPod((pod) => {
        shop.container(pod, 'app').ports.push({ containerPort: 9808 });
        const restarted = { terminated: { exitCode: 137, reason: 'Error' } };
        Object.assign(shop.status(pod, 'azwi-proxy'), { restartCount: 3, lastState: restarted });
      });
      addEvent(shop, {
        reason: 'Unhealthy',
        message: 'Liveness probe failed: HTTP probe failed with statuscode: 404',
        involvedObject: {
          kind: 'Pod',
          namespace: 'shop',
          name: 'web-6d5f7c9b84-2mzqk',
          fieldPath: 'spec.initContainers{azwi-proxy}',
        },
      });
    },
    cause: 'admin-port-taken',
    says: /the container app has port 9808, the admin port of azwi-proxy/,
    fix: /--admin-port/,
  },
  {
    title: 'proxy killed by its liveness probe',
    change(shop) {
      shop.everyPod((pod) => {
        const restarted = { terminated: { exitCode: 137, reason: 'Error' } };
        Object.assign(shop.status(pod, 'azwi-proxy'), { restartCount: 3, lastState: restarted });
      });
      for (const { metadata } of shop.pods) {
        addEvent(shop, {
          reason: 'Unhealthy',
          message: 'Liveness probe failed: context deadline exceeded',
          involvedObject: {
            kind: 'Pod',
            namespace: 'shop',
            name: metadata.name,
            fieldPath: 'spec.initContainers{azwi-proxy}',
          },
        });
      }
    },
    cause: 'proxy-killed',
    says: /azwi-proxy was ended by SIGKILL by the kubelet: Liveness probe failed/,
    fix: /kubectl logs web-6d5f7c9b84-2mzqk .*--previous/,
  },
  {
    title: 'proxy out of memory',
    change: (shop) => ended(shop, 'azwi-proxy', 137, 'OOMKilled'),
    cause: 'proxy-oom',
    says: /the kernel ended azwi-proxy because it ran out of memory/,
    fix: /Raise resources\.limits\.memory of azwi-proxy/,
  },
  {
    title: 'memory limit under the minimum',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.container(pod, 'azwi-proxy').resources.limits.memory = '64Mi';
      }),
    cause: 'memory-limit',
    says: /resources\.limits\.memory of azwi-proxy is 64 MiB, and 128 MiB is the minimum/,
    fix: /to 128Mi or more/,
  },
  {
    title: 'proxy ends at once',
    change: (shop) =>
      ended(shop, 'azwi-proxy', 1, 'Error', 'IMDS_PROXY_ALOWED_RESOURCES: unknown variable'),
    cause: 'proxy-ends',
    says: /azwi-proxy ended with exit code 1 .*unknown variable/,
    fix: /kubectl logs .*--previous/,
  },
  {
    title: 'image cannot be pulled',
    change: (shop) =>
      shop.everyPod((pod) => {
        Object.assign(shop.status(pod, 'azwi-proxy-init'), {
          ready: false,
          state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } },
        });
      }),
    cause: 'image-pull',
    says: /the image of azwi-proxy-init cannot be pulled \(ImagePullBackOff\): registry\.example/,
    fix: /imagePullSecrets/,
  },
  {
    title: 'the kubelet cannot start the proxy',
    change: (shop) =>
      shop.everyPod((pod) => {
        Object.assign(shop.status(pod, 'azwi-proxy'), {
          ready: false,
          state: {
            waiting: {
              reason: 'CreateContainerConfigError',
              message: 'configmap "imds-proxy-ca" not found',
            },
          },
        });
      }),
    cause: 'container-refused',
    says: /azwi-proxy does not start \(CreateContainerConfigError\): configmap "imds-proxy-ca" not found/,
    fix: /kubectl describe pod web-6d5f7c9b84-2mzqk --namespace shop/,
  },
  {
    title: 'the node lacks the seccomp profile',
    change: (shop) =>
      shop.everyPod((pod) => {
        Object.assign(shop.status(pod, 'azwi-proxy'), {
          ready: false,
          state: {
            waiting: {
              reason: 'CreateContainerError',
              message:
                'failed to generate security options for container "azwi-proxy": cannot load seccomp profile "/var/lib/kubelet/seccomp/imds-proxy.json": open /var/lib/kubelet/seccomp/imds-proxy.json: no such file or directory',
            },
          },
        });
      }),
    cause: 'container-refused',
    says: /azwi-proxy does not start \(CreateContainerError\): .*cannot load seccomp profile/,
    fix: /^Install the profile below the seccomp folder of the kubelet on every node .*docs\/hardening\.md/,
  },
  {
    title: 'federated token missing',
    change: (shop) => shop.setVariable('azwi-proxy', 'AZURE_FEDERATED_TOKEN_FILE', undefined),
    cause: 'token-missing',
    says: /azwi-proxy has no AZURE_FEDERATED_TOKEN_FILE/,
    fix: /kubectl rollout restart/,
  },
  {
    title: 'the webhook is told to skip the proxy',
    change(shop) {
      shop.setVariable('azwi-proxy', 'AZURE_FEDERATED_TOKEN_FILE', undefined);
      shop.everyPod(({ metadata }) => {
        metadata.annotations['azure.workload.identity/skip-containers'] = 'app; azwi-proxy';
      });
    },
    cause: 'token-skipped',
    says: /skip-containers names azwi-proxy/,
    fix: /Take azwi-proxy out/,
  },
  {
    title: 'federated token at another path',
    change: (shop) =>
      shop.setVariable(
        'azwi-proxy',
        'AZURE_FEDERATED_TOKEN_FILE',
        '/var/run/secrets/azure/tokens/azure-identity-token',
      ),
    cause: 'token-not-mounted',
    says: /no volume is mounted there/,
    fix: /projected: \{sources: \[\{serviceAccountToken: \{audience: api:\/\/AzureADTokenExchange/,
  },
  {
    title: 'federated token in another file of the volume',
    change: (shop) =>
      shop.setVariable(
        'azwi-proxy',
        'AZURE_FEDERATED_TOKEN_FILE',
        '/var/run/secrets/azure/wi/azure-identity-token',
      ),
    cause: 'token-path',
    says: /names the file azure-identity-token .*the token in token\/azure-identity-token/,
    fix: /Set path/,
  },
  {
    title: "the API server's token, which automountServiceAccountToken: false takes away",
    change(shop) {
      shop.setVariable(
        'azwi-proxy',
        'AZURE_FEDERATED_TOKEN_FILE',
        '/var/run/secrets/kubernetes.io/serviceaccount/token',
      );
      shop.everyPod(({ spec }) => {
        spec.automountServiceAccountToken = false;
      });
    },
    cause: 'token-of-api-server',
    says: /names the token for the API server.*automountServiceAccountToken: false takes it away/,
    fix: /serviceAccountToken/,
  },
  {
    title: 'federated token of another audience',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.tokenVolume(pod).projected.sources[0].serviceAccountToken.audience =
          'https://vault.example';
      }),
    cause: 'token-audience',
    says: /is for https:\/\/vault\.example, and Entra takes api:\/\/AzureADTokenExchange/,
    fix: /Set audience .*and not a federated credential to this audience/,
  },
  {
    title: 'federated token for identity binding, without a token proxy',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.tokenVolume(pod).projected.sources[0].serviceAccountToken.audience =
          'api://AKSIdentityBinding';
      }),
    cause: 'token-audience',
    says: /is for api:\/\/AKSIdentityBinding/,
    fix: /use-identity-binding/,
  },
  {
    title: 'token proxy, and a federated token for Entra',
    change: (shop) =>
      shop.setVariable('azwi-proxy', 'AZURE_KUBERNETES_TOKEN_PROXY', 'https://10.0.0.1:443'),
    cause: 'token-audience',
    says: /its token proxy takes api:\/\/AKSIdentityBinding/,
    fix: /on the pod itself/,
  },
  {
    title: 'token proxy with two CAs',
    change(shop) {
      shop.setVariable('azwi-proxy', 'AZURE_KUBERNETES_CA_FILE', '/a/ca.crt');
      shop.setVariable('azwi-proxy', 'AZURE_KUBERNETES_CA_DATA', 'LS0tLS1CRUdJTi');
    },
    cause: 'two-authorities',
    says: /both AZURE_KUBERNETES_CA_FILE and AZURE_KUBERNETES_CA_DATA/,
    fix: /AZURE_KUBERNETES_CA_DATA off the container/,
  },
  {
    title: 'federated token that lives two days',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.tokenVolume(pod).projected.sources[0].serviceAccountToken.expirationSeconds = 172_800;
      }),
    cause: 'token-life',
    says: /lives 172800 s/,
    fix: /86400 or less/,
  },
  {
    title: 'federated token that the proxy may not read',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.tokenVolume(pod).projected.defaultMode = 0o400;
      }),
    cause: 'token-unreadable',
    says: /defaultMode 0400 and the pod no fsGroup: user 1501/,
    fix: /Set securityContext\.fsGroup/,
  },
  {
    title: 'federated token in a Secret',
    change: (shop) =>
      shop.everyPod((pod) => {
        const volume = shop.tokenVolume(pod);
        delete volume.projected;
        volume.secret = { secretName: 'token' };
      }),
    cause: 'token-not-renewed',
    says: /not a projected one \(secret\)/,
    fix: /serviceAccountToken/,
  },
  {
    title: 'federated token mounted with subPath',
    change: (shop) =>
      shop.everyPod((pod) => {
        const mount = shop
          .container(pod, 'azwi-proxy')
          .volumeMounts.find(({ name }: { name: string }) => name.startsWith('azure-'));
        mount.subPath = 'token';
        mount.mountPath = '/var/run/secrets/azure/wi/token';
      }),
    cause: 'token-not-renewed',
    says: /mounted with subPath: the file keeps its first token/,
    fix: /without subPath/,
  },
  {
    title: 'the kubelet cannot mount the token',
    change(shop) {
      shop.everyPod((pod) => {
        Object.assign(shop.status(pod, 'azwi-proxy'), {
          ready: false,
          state: { waiting: { reason: 'PodInitializing' } },
        });
      });
      for (const { metadata } of shop.pods) {
        addEvent(shop, {
          reason: 'FailedMount',
          message:
            'MountVolume.SetUp failed for volume "azure-identity-token" : failed to fetch token: the API server does not have TokenRequest endpoints enabled',
          involvedObject: { kind: 'Pod', namespace: 'shop', name: metadata.name },
        });
      }
    },
    cause: 'token-mount-fails',
    says: /failed to fetch token/,
    fix: /Check that the ServiceAccount exists/,
  },
  {
    title: 'proxy runs and is not ready',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.status(pod, 'azwi-proxy').ready = false;
      }),
    cause: 'proxy-not-ready',
    says: /azwi-proxy is running and not ready/,
    fix: /kubectl exec web-6d5f7c9b84-2mzqk --namespace shop --container azwi-proxy -- \/proxy doctor/,
  },
  {
    title: 'no node for the pods',
    change: (shop) =>
      shop.everyPod((pod) => {
        pod.status = { phase: 'Pending' };
      }),
    cause: 'not-scheduled',
    says: /Pending, and no kubelet has reported/,
    fix: /kubectl describe pod web-6d5f7c9b84-2mzqk/,
  },
  {
    title: 'proxy was restarted once',
    change: (shop) =>
      shop.everyPod((pod) => {
        Object.assign(shop.status(pod, 'azwi-proxy'), {
          restartCount: 1,
          lastState: { terminated: { exitCode: 0, reason: 'Completed' } },
        });
      }),
    cause: 'proxy-restarted',
    says: /runs again after exit code 0, restarted once/,
    fix: /--previous/,
  },
  {
    title: "upstream's images",
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.container(pod, 'azwi-proxy').image =
          'mcr.microsoft.com/oss/azure/workload-identity/proxy:v1.5.1';
        shop.container(pod, 'azwi-proxy-init').image =
          'mcr.microsoft.com/oss/azure/workload-identity/proxy-init:v1.5.1';
      }),
    cause: 'upstream-proxy',
    says: /azure-workload-identity's own images/,
    fix: /upstream-proxy\.md/,
  },
  {
    title: 'proxy and proxy-init of different versions',
    change: (shop) =>
      shop.everyPod((pod) => {
        shop.container(pod, 'azwi-proxy-init').image =
          'registry.example/imds-proxy/proxy-init:1.3.0';
      }),
    cause: 'pod-versions',
    says: /azwi-proxy is of version 1\.4\.0, and azwi-proxy-init of 1\.3\.0/,
    fix: /images of one release/,
  },
  {
    title: 'different versions across the fleet',
    change(shop) {
      const other = structuredClone(shop.pods[0]);
      other.metadata.name = 'api-0';
      other.metadata.ownerReferences = [
        { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'api', controller: true },
      ];
      for (const name of ['azwi-proxy', 'azwi-proxy-init']) {
        const container = shop.container(other, name);
        container.image = container.image.replace('1.4.0', '1.2.0');
      }
      shop.items.push(other);
    },
    cause: 'fleet-versions',
    says: /of 2 versions: 1\.2\.0, 1\.4\.0/,
    fix: /Roll out one version/,
  },
];
