/**
 * A dump of a cluster with AAD Pod Identity, as `kubectl get … -A -o yaml` prints it: Deployments with their status, two
 * pods each with the fields that the API server, the scheduler and the kubelet add, ServiceAccounts, and the objects of
 * AAD Pod Identity.
 */

/** @param bytes the dump gets at least this size, by annotations such as deployment tools write. */
export function makeDump(workloads: number, bytes: number): string {
  const parts = ['apiVersion: v1\nitems:\n'];
  const namespaces = Math.max(1, Math.ceil(workloads / 40));
  for (let index = 0; index < namespaces; index += 1) parts.push(namespaceOf(index));
  const padding = Math.max(0, Math.floor((bytes - workloads * 12_700) / workloads));
  for (let index = 0; index < workloads; index += 1) {
    const namespace = `team-${index % namespaces}`;
    if (index < namespaces * 3)
      parts.push(identityOf(namespace, `identity-${Math.floor(index / namespaces)}`));
    const name = `service-${index}`;
    const identity = `identity-${index % 3}`;
    parts.push(deploymentOf(namespace, name, identity, padding));
    for (const pod of ['x7k2p', 'm4q9z']) parts.push(podOf(namespace, name, identity, pod));
    parts.push(serviceAccountOf(namespace, name));
  }
  parts.push('kind: List\nmetadata:\n  resourceVersion: ""\n');
  return parts.join('');
}

function namespaceOf(index: number): string {
  return `- apiVersion: v1
  kind: Namespace
  metadata:
    labels:
      kubernetes.io/metadata.name: team-${index}
    name: team-${index}
  spec:
    finalizers:
    - kubernetes
  status:
    phase: Active
`;
}

function identityOf(namespace: string, name: string): string {
  const digits = Buffer.from(`${namespace}${name}`).toString('hex').slice(-12).padStart(12, '0');
  return `- apiVersion: aadpodidentity.k8s.io/v1
  kind: AzureIdentity
  metadata:
    name: ${name}
    namespace: ${namespace}
  spec:
    clientID: 11111111-1111-1111-1111-${digits}
    resourceID: /subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/${namespace}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}
    type: 0
- apiVersion: aadpodidentity.k8s.io/v1
  kind: AzureIdentityBinding
  metadata:
    name: ${name}-binding
    namespace: ${namespace}
  spec:
    azureIdentity: ${name}
    selector: ${name}
`;
}

function serviceAccountOf(namespace: string, name: string): string {
  return `- apiVersion: v1
  kind: ServiceAccount
  metadata:
    creationTimestamp: "2023-03-01T10:00:00Z"
    name: ${name}
    namespace: ${namespace}
    resourceVersion: "1234567"
    uid: 2f1b7d0e-0000-4000-8000-000000000000
`;
}

const environment = Array.from(
  { length: 20 },
  (_, index) =>
    `- name: SETTING_${index}\n  value: value-of-setting-${index}-in-this-environment\n`,
).join('');

function indented(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}

const container = `- env:
${indented(environment, 2)}  image: registry.example/team/service:2023.3.1
  imagePullPolicy: IfNotPresent
  livenessProbe:
    failureThreshold: 3
    httpGet:
      path: /healthz
      port: 8080
      scheme: HTTP
    periodSeconds: 10
    successThreshold: 1
    timeoutSeconds: 1
  name: app
  ports:
  - containerPort: 8080
    name: http
    protocol: TCP
  resources:
    limits:
      memory: 512Mi
    requests:
      cpu: 100m
      memory: 256Mi
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File
`;

function deploymentOf(namespace: string, name: string, identity: string, padding: number): string {
  return `- apiVersion: apps/v1
  kind: Deployment
  metadata:
    annotations:
      deployment.kubernetes.io/revision: "7"
      example.com/applied-configuration: '${'{"kind":"Deployment"} '.repeat(Math.ceil(padding / 22))}'
    creationTimestamp: "2023-03-01T10:00:00Z"
    generation: 7
    labels:
      app.kubernetes.io/name: ${name}
    name: ${name}
    namespace: ${namespace}
    resourceVersion: "1234567"
    uid: 2f1b7d0e-0000-4000-8000-000000000000
  spec:
    progressDeadlineSeconds: 600
    replicas: 2
    revisionHistoryLimit: 10
    selector:
      matchLabels:
        app.kubernetes.io/name: ${name}
    strategy:
      rollingUpdate:
        maxSurge: 25%
        maxUnavailable: 25%
      type: RollingUpdate
    template:
      metadata:
        creationTimestamp: null
        labels:
          aadpodidbinding: ${identity}
          app.kubernetes.io/name: ${name}
      spec:
        containers:
${indented(container, 8)}        dnsPolicy: ClusterFirst
        restartPolicy: Always
        schedulerName: default-scheduler
        securityContext: {}
        serviceAccount: ${name}
        serviceAccountName: ${name}
        terminationGracePeriodSeconds: 30
  status:
    availableReplicas: 2
    conditions:
    - lastTransitionTime: "2023-03-01T10:01:00Z"
      lastUpdateTime: "2023-03-01T10:01:00Z"
      message: Deployment has minimum availability.
      reason: MinimumReplicasAvailable
      status: "True"
      type: Available
    observedGeneration: 7
    readyReplicas: 2
    replicas: 2
    updatedReplicas: 2
`;
}

function podOf(namespace: string, name: string, identity: string, suffix: string): string {
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
    (type) =>
      `    - lastProbeTime: null\n      lastTransitionTime: "2023-03-01T10:01:00Z"\n      status: "True"\n      type: ${type}\n`,
  );
  return `- apiVersion: v1
  kind: Pod
  metadata:
    creationTimestamp: "2023-03-01T10:00:00Z"
    generateName: ${name}-6d4cf56db6-
    labels:
      aadpodidbinding: ${identity}
      app.kubernetes.io/name: ${name}
      pod-template-hash: 6d4cf56db6
    name: ${name}-6d4cf56db6-${suffix}
    namespace: ${namespace}
    ownerReferences:
    - apiVersion: apps/v1
      blockOwnerDeletion: true
      controller: true
      kind: ReplicaSet
      name: ${name}-6d4cf56db6
      uid: 2f1b7d0e-0000-4000-8000-000000000001
    resourceVersion: "1234567"
    uid: 2f1b7d0e-0000-4000-8000-000000000002
  spec:
    containers:
${indented(container, 4)}      volumeMounts:
      - mountPath: /var/run/secrets/kubernetes.io/serviceaccount
        name: kube-api-access
        readOnly: true
    dnsPolicy: ClusterFirst
    enableServiceLinks: true
    nodeName: aks-nodepool1-12345678-vmss000000
    preemptionPolicy: PreemptLowerPriority
    priority: 0
    restartPolicy: Always
    schedulerName: default-scheduler
    securityContext: {}
    serviceAccount: ${name}
    serviceAccountName: ${name}
    terminationGracePeriodSeconds: 30
    tolerations:
    - effect: NoExecute
      key: node.kubernetes.io/not-ready
      operator: Exists
      tolerationSeconds: 300
    volumes:
    - name: kube-api-access
      projected:
        defaultMode: 420
        sources:
        - serviceAccountToken:
            expirationSeconds: 3607
            path: token
        - configMap:
            items:
            - key: ca.crt
              path: ca.crt
            name: kube-root-ca.crt
  status:
    conditions:
${conditions.join('')}    hostIP: 10.240.0.4
    phase: Running
    podIP: 10.244.0.17
    qosClass: Burstable
    startTime: "2023-03-01T10:00:00Z"
`;
}
