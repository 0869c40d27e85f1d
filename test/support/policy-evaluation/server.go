package main

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	clientset "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi/openapitest"
)

// A server is the part of an API server that admits pods.
type server struct {
	mutating   *mutating.Plugin
	validating *validating.Plugin
	meters     []costMeter
	client     kubernetes.Interface
}

var (
	pods    = corev1.SchemeGroupVersion.WithResource("pods")
	podKind = corev1.SchemeGroupVersion.WithKind("Pod")
)

func newServer(ctx context.Context, objects []runtime.Object) (*server, error) {
	client := withSchemas{clientset.NewClientset(objects...)}
	factory := informers.NewSharedInformerFactory(client, 0)
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{corev1.SchemeGroupVersion})
	for _, kind := range []string{"ServiceAccount", "ConfigMap", "Pod"} {
		mapper.Add(corev1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	initialize := initializer.New(client, fake.NewSimpleDynamicClient(scheme.Scheme), factory, authorizerfactory.NewAlwaysAllowAuthorizer(),
		utilfeature.DefaultFeatureGate, nil, ctx.Done(), mapper)

	mutator, err := mutating.NewPlugin(nil)
	if err != nil {
		return nil, err
	}
	validator, err := validating.NewPlugin(nil)
	if err != nil {
		return nil, err
	}
	for _, plugin := range []admission.Interface{mutator, validator} {
		initialize.Initialize(plugin)
		if err := plugin.(admission.InitializationValidator).ValidateInitialization(); err != nil {
			return nil, err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	meters, err := newCostMeters(objects)
	return &server{mutator, validator, meters, client}, err
}

// create does with a pod what the API server does between its own plugins and the store. A second round of the
// mutating policies, as after a webhook, is a second question.
func (s *server) create(ctx context.Context, pod *corev1.Pod) (answer, error) {
	given := answer{Warnings: []string{}}
	namespace, err := s.client.CoreV1().Namespaces().Get(ctx, pod.Namespace, metav1.GetOptions{})
	if err != nil {
		return given, err
	}
	// The API server's own plugin refuses a pod whose ServiceAccount is not there.
	account, err := s.client.CoreV1().ServiceAccounts(pod.Namespace).Get(ctx, accountOf(pod), metav1.GetOptions{})
	if err != nil {
		return given, err
	}
	if given.Cost, err = s.cost(ctx, pod, account, namespace); err != nil {
		return given, err
	}
	admitted := pod.DeepCopy()
	admitted.Spec.ServiceAccountName = account.Name
	attributes, interfaces := toAttributes(admitted)
	recorder := &warnings{}
	ctx = warning.WithWarningRecorder(ctx, recorder)

	started := time.Now()
	err = s.mutating.Admit(ctx, attributes, interfaces)
	if err == nil {
		given.Pod = admitted
		err = s.validating.Validate(ctx, attributes, interfaces)
	}
	given.Microseconds = time.Since(started).Microseconds()
	if err != nil {
		given.Denied = err.Error()
	}
	given.Warnings = append(given.Warnings, recorder.texts...)
	if given.Pod == nil && given.Denied == "" {
		return given, errors.New("neither a pod nor a refusal")
	}
	return given, nil
}

func accountOf(pod *corev1.Pod) string {
	if pod.Spec.ServiceAccountName == "" {
		return "default"
	}
	return pod.Spec.ServiceAccountName
}

// toAttributes is the creation of a pod by a controller.
func toAttributes(pod *corev1.Pod) (admission.Attributes, admission.ObjectInterfaces) {
	pod.SetGroupVersionKind(podKind)
	controller := &user.DefaultInfo{Name: "system:serviceaccount:kube-system:replicaset-controller"}
	return admission.NewAttributesRecord(pod, nil, podKind, pod.Namespace, pod.Name, pods, "", admission.Create, nil,
		false, controller), admission.NewObjectInterfacesFromScheme(scheme.Scheme)
}

type warnings struct{ texts []string }

func (w *warnings) AddWarning(_, text string) { w.texts = append(w.texts, text) }

// withSchemas adds the schemas of the core API, which the mutating plugin asks for, to the fake client.
type withSchemas struct{ *clientset.Clientset }

func (c withSchemas) Discovery() discovery.DiscoveryInterface {
	return schemas{c.Clientset.Discovery()}
}

type schemas struct{ discovery.DiscoveryInterface }

func (schemas) OpenAPIV3() openapi.Client { return openapitest.NewEmbeddedFileClient() }
