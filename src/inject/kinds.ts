import { isList, isMap, type Path, type Value, type ValueMap } from './manifest/value.ts';

/**
 * Where the pods of a kind are: in templates at some paths, in `*` of which each item or entry counts;
 * `none`; or somewhere that `inject` cannot reach, with what to do instead.
 */
export type KindOfPods =
  | {
      readonly pods: 'templates';
      readonly paths: readonly string[];
      readonly note?: string;
      /** An object without any template is whole as well. */
      readonly isOptional?: true;
    }
  | { readonly pods: 'elsewhere'; readonly why: string }
  | { readonly pods: 'none' };

const atCreation =
  'use the webhook or an admission policy, which change pods when they are created';
const spec: KindOfPods = { pods: 'templates', paths: ['spec.template'] };
const none: KindOfPods = { pods: 'none' };

function templates(...paths: readonly string[]): KindOfPods {
  return { pods: 'templates', paths };
}

function elsewhere(from: string): KindOfPods {
  return { pods: 'elsewhere', why: `its controller builds the pods from ${from}; ${atCreation}` };
}

function replicaSpecs(field: string): KindOfPods {
  return templates(`spec.${field}.*.template`);
}

function same(kind: KindOfPods, ...names: readonly string[]): Readonly<Record<string, KindOfPods>> {
  return Object.fromEntries(names.map((name) => [name, kind]));
}

const knative =
  'Knative takes init containers and added capabilities only if the features kubernetes.podspec-init-containers and kubernetes.containerspec-addcapabilities are on (ConfigMap config-features)';
const rayHead = 'headGroupSpec.template';
const rayWorkers = 'workerGroupSpecs.*.template';
const analysis: KindOfPods = {
  pods: 'templates',
  paths: ['spec.metrics.*.provider.job.spec.template'],
  isOptional: true,
};
const replicatedJobs = 'replicatedJobs.*.template.spec.template';
const trainer = templates(`spec.template.spec.${replicatedJobs}`);
const predictor = elsewhere('its predictor');
const steps = 'steps';
const strimzi = elsewhere('the fields of the Kafka resources');
const database = elsewhere('the fields of the database resource');
const monitoring = elsewhere('the fields of the monitoring resource');

/** By API group and kind. Other groups may use the same names for something else. */
const kinds: Readonly<Record<string, Readonly<Record<string, KindOfPods>>>> = {
  '': {
    Pod: templates(''),
    PodTemplate: templates('template'),
    ReplicationController: spec,
    ...same(none, 'ConfigMap', 'Secret', 'Service', 'ServiceAccount', 'Namespace', 'Endpoints'),
    ...same(none, 'Event', 'LimitRange', 'Node', 'PersistentVolume', 'PersistentVolumeClaim'),
    ...same(none, 'ResourceQuota', 'ComponentStatus', 'Binding'),
  },
  apps: {
    ...same(spec, 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'),
    ControllerRevision: none,
  },
  batch: { Job: spec, CronJob: templates('spec.jobTemplate.spec.template') },
  // Where apps was before Kubernetes 1.16.
  extensions: {
    ...same(spec, 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'),
    ...same(none, 'Ingress', 'NetworkPolicy', 'PodSecurityPolicy'),
  },
  'apiextensions.k8s.io': same(none, 'CustomResourceDefinition'),

  'argoproj.io': {
    Rollout: spec,
    Experiment: templates('spec.templates.*.template'),
    ...same(analysis, 'AnalysisTemplate', 'ClusterAnalysisTemplate', 'AnalysisRun'),
    ...same(elsewhere('its templates'), 'Workflow', 'CronWorkflow', 'WorkflowTemplate'),
    ...same(elsewhere('its templates'), 'ClusterWorkflowTemplate', 'Sensor', 'EventSource'),
    ...same(none, 'Application', 'ApplicationSet', 'AppProject'),
  },
  'serving.knative.dev': {
    ...same({ ...templates('spec.template'), note: knative } as KindOfPods, 'Service'),
    ...same({ ...templates('spec.template'), note: knative } as KindOfPods, 'Configuration'),
    Revision: { pods: 'templates', paths: [''], note: knative },
  },
  'keda.sh': { ScaledJob: templates('spec.jobTargetRef.template'), ScaledObject: none },
  'apps.openshift.io': { DeploymentConfig: spec },
  'apps.kruise.io': {
    ...same(spec, 'CloneSet', 'StatefulSet', 'DaemonSet', 'BroadcastJob'),
    AdvancedCronJob: templates(
      'spec.template.jobTemplate.spec.template',
      'spec.template.broadcastJobTemplate.spec.template',
    ),
    UnitedDeployment: templates(
      'spec.template.deploymentTemplate.spec.template',
      'spec.template.statefulSetTemplate.spec.template',
      'spec.template.advancedStatefulSetTemplate.spec.template',
      'spec.template.cloneSetTemplate.spec.template',
    ),
    SidecarSet: elsewhere('its own containers, which it adds to pods of others'),
  },
  'kubeflow.org': {
    Notebook: spec,
    PyTorchJob: replicaSpecs('pytorchReplicaSpecs'),
    TFJob: replicaSpecs('tfReplicaSpecs'),
    XGBoostJob: replicaSpecs('xgbReplicaSpecs'),
    PaddleJob: replicaSpecs('paddleReplicaSpecs'),
    JAXJob: replicaSpecs('jaxReplicaSpecs'),
    MPIJob: replicaSpecs('mpiReplicaSpecs'),
  },
  'ray.io': {
    RayCluster: templates(`spec.${rayHead}`, `spec.${rayWorkers}`),
    RayJob: templates(
      `spec.rayClusterSpec.${rayHead}`,
      `spec.rayClusterSpec.${rayWorkers}`,
      'spec.submitterPodTemplate',
    ),
    RayService: templates(
      `spec.rayClusterConfig.${rayHead}`,
      `spec.rayClusterConfig.${rayWorkers}`,
    ),
  },
  'batch.volcano.sh': { Job: templates('spec.tasks.*.template') },
  'jobset.x-k8s.io': { JobSet: templates(`spec.${replicatedJobs}`) },
  'leaderworkerset.x-k8s.io': {
    LeaderWorkerSet: templates(
      'spec.leaderWorkerTemplate.leaderTemplate',
      'spec.leaderWorkerTemplate.workerTemplate',
    ),
  },
  'agones.dev': {
    GameServer: spec,
    GameServerSet: templates('spec.template.spec.template'),
    Fleet: templates('spec.template.spec.template'),
  },
  'actions.github.com': {
    AutoscalingRunnerSet: spec,
    EphemeralRunnerSet: templates('spec.ephemeralRunnerSpec'),
  },
  'trainer.kubeflow.org': same(trainer, 'TrainingRuntime', 'ClusterTrainingRuntime'),
  'machinelearning.seldon.io': {
    SeldonDeployment: templates('spec.predictors.*.componentSpecs.*'),
  },

  'tekton.dev': {
    ...same(elsewhere(steps), 'Task', 'ClusterTask', 'TaskRun', 'StepAction'),
    ...same(elsewhere('the steps of its tasks'), 'Pipeline', 'PipelineRun'),
  },
  'sparkoperator.k8s.io': same(
    elsewhere('its driver and executor'),
    'SparkApplication',
    'ScheduledSparkApplication',
  ),
  'core.strimzi.io': { StrimziPodSet: strimzi },
  'kafka.strimzi.io': same(
    strimzi,
    'Kafka',
    'KafkaConnect',
    'KafkaBridge',
    'KafkaMirrorMaker',
    'KafkaMirrorMaker2',
    'KafkaNodePool',
  ),
  'flink.apache.org': same(elsewhere('its job and task managers'), 'FlinkDeployment'),
  'kubevirt.io': same(
    elsewhere('a virtual machine, whose guest the redirect does not reach'),
    'VirtualMachine',
    'VirtualMachineInstance',
    'VirtualMachineInstanceReplicaSet',
  ),
  'monitoring.coreos.com': {
    ...same(monitoring, 'Prometheus', 'PrometheusAgent', 'Alertmanager', 'ThanosRuler'),
    ...same(none, 'PodMonitor', 'ServiceMonitor', 'PrometheusRule', 'Probe'),
  },
  'opentelemetry.io': { OpenTelemetryCollector: elsewhere('the fields of the collector') },
  'serving.kserve.io': same(
    predictor,
    'InferenceService',
    'ServingRuntime',
    'ClusterServingRuntime',
    'LLMInferenceService',
    'LLMInferenceServiceConfig',
  ),
  'postgresql.cnpg.io': { Cluster: database },
  'acid.zalan.do': { postgresql: database },
  'elasticsearch.k8s.elastic.co': { Elasticsearch: database },
  'actions.summerwind.dev': same(
    elsewhere('the fields of the runner'),
    'Runner',
    'RunnerDeployment',
    'RunnerSet',
  ),
};

/** Extends the table: `--template-path group/Kind=spec.template`. */
export interface TemplatePath {
  readonly group: string;
  readonly kind: string;
  readonly path: string;
}

/** What is known of a kind; undefined if nothing is. */
export function findKind(
  group: string,
  kind: string,
  more: readonly TemplatePath[],
): KindOfPods | undefined {
  const own = more.filter((one) => one.group === group && one.kind === kind);
  if (own.length > 0) return templates(...own.map(({ path }) => path));
  const named = Object.hasOwn(kinds, group) ? kinds[group] : undefined;
  if (named !== undefined && Object.hasOwn(named, kind)) return named[kind];
  // Of Kubernetes' own groups the table is complete.
  return isKubernetesGroup(group) ? none : undefined;
}

function isKubernetesGroup(group: string): boolean {
  const short = ['autoscaling', 'policy'];
  const own =
    /^(?:rbac\.authorization|networking|storage|scheduling|coordination|discovery|events|certificates|admissionregistration|apiregistration|authentication|authorization|flowcontrol\.apiserver|node|resource|gateway\.networking|metrics|kustomize\.config)\.k8s\.io$/;
  return short.includes(group) || own.test(group);
}

/** Where a pattern like `spec.tasks.*.template` leads in an object; an empty one means the object itself. */
export function resolvePattern(value: Value, pattern: string): readonly Path[] {
  let found: readonly { readonly at: Value; readonly path: Path }[] = [{ at: value, path: [] }];
  for (const step of pattern === '' ? [] : pattern.split('.')) {
    found = found.flatMap(({ at, path }) => {
      if (step === '*')
        return entriesOf(at).map(([key, part]) => ({ at: part, path: [...path, key] }));
      return isMap(at) && Object.hasOwn(at, step)
        ? [{ at: at[step] ?? null, path: [...path, step] }]
        : [];
    });
  }
  return found.map(({ path }) => path);
}

/** Something in an object of an unknown kind that looks like pods. */
export interface PodShape {
  readonly path: Path;
  /** False if it has containers but is not a template with metadata and spec, so that it cannot be injected. */
  readonly isTemplate: boolean;
}

const deepest = 24;

/** Finds what looks like pods: a map with a list of containers that each have a name and an image. */
export function findPodShapes(value: ValueMap): readonly PodShape[] {
  const shapes: PodShape[] = [];
  const walk = (part: Value, path: Path): void => {
    if (path.length > deepest) return;
    if (isMap(part) && isContainers(part['containers'])) {
      const isTemplate = path.length > 1 && path.at(-1) === 'spec';
      shapes.push({ path: isTemplate ? path.slice(0, -1) : path, isTemplate });
      return;
    }
    for (const [key, child] of entriesOf(part)) walk(child, [...path, key]);
  };
  walk(value, []);
  return shapes;
}

function isContainers(value: Value | undefined): boolean {
  return (
    isList(value) &&
    value.length > 0 &&
    value.every((item) => isMap(item) && typeof item['name'] === 'string') &&
    value.some((item) => isMap(item) && typeof item['image'] === 'string')
  );
}

function entriesOf(value: Value): readonly (readonly [string | number, Value])[] {
  if (isList(value)) return value.map((item, index) => [index, item] as const);
  return isMap(value) ? Object.entries(value) : [];
}
