package main

import (
	"context"
	"fmt"

	registration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// A costMeter knows what the mutations of one policy cost. The plugin keeps that number to itself, so they are
// compiled here a second time, as the plugin does it.
type costMeter struct {
	name       string
	compiler   *plugincel.CompositedCompiler
	evaluators []plugincel.MutatingEvaluator
	hasParams  bool
}

func newCostMeters(objects []runtime.Object) ([]costMeter, error) {
	var meters []costMeter
	for _, object := range objects {
		policy, ok := object.(*registration.MutatingAdmissionPolicy)
		if !ok {
			continue
		}
		compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
		if err != nil {
			return nil, err
		}
		options := plugincel.OptionalVariableDeclarations{HasParams: policy.Spec.ParamKind != nil, HasAuthorizer: true}
		variables := make([]plugincel.NamedExpressionAccessor, len(policy.Spec.Variables))
		for i, variable := range policy.Spec.Variables {
			variables[i] = &validating.Variable{Name: variable.Name, Expression: variable.Expression}
		}
		compiler.CompileAndStoreVariables(variables, options, environment.StoredExpressions)
		options.HasPatchTypes = true
		meter := costMeter{name: policy.Name, compiler: compiler, hasParams: policy.Spec.ParamKind != nil}
		for _, mutation := range policy.Spec.Mutations {
			if mutation.JSONPatch == nil {
				return nil, fmt.Errorf("policy %s: only JSON patches are measured", policy.Name)
			}
			condition := &patch.JSONPatchCondition{Expression: mutation.JSONPatch.Expression}
			meter.evaluators = append(meter.evaluators,
				compiler.CompileMutatingEvaluator(condition, options, environment.StoredExpressions))
		}
		meters = append(meters, meter)
	}
	return meters, nil
}

// cost of the dearest mutation of each policy over a pod, for the params of its ServiceAccount.
func (s *server) cost(ctx context.Context, pod *corev1.Pod, account *corev1.ServiceAccount, namespace *corev1.Namespace) (map[string]int64, error) {
	costs := map[string]int64{}
	for _, meter := range s.meters {
		for _, evaluator := range meter.evaluators {
			spent, err := meter.evaluate(ctx, evaluator, pod, account, namespace)
			if err != nil {
				return nil, fmt.Errorf("policy %s: %w", meter.name, err)
			}
			costs[meter.name] = max(costs[meter.name], spent)
		}
	}
	return costs, nil
}

func (m costMeter) evaluate(ctx context.Context, evaluator plugincel.MutatingEvaluator, pod *corev1.Pod, account *corev1.ServiceAccount, namespace *corev1.Namespace) (int64, error) {
	attributes, interfaces := toAttributes(pod)
	versioned, err := admission.NewVersionedAttributes(attributes, podKind, interfaces)
	if err != nil {
		return 0, err
	}
	var inputs plugincel.OptionalVariableBindings
	if m.hasParams && account != nil {
		inputs.VersionedParams = account
	}
	request := plugincel.CreateAdmissionRequest(attributes, metav1.GroupVersionResource(pods), metav1.GroupVersionKind(podKind))
	budget := int64(celconfig.RuntimeCELCostBudget)
	_, left, err := evaluator.ForInput(m.compiler.CreateContext(ctx), versioned, request, inputs, namespace, budget)
	return budget - left, err
}
