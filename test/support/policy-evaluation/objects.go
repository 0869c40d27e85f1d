package main

import (
	"encoding/json"
	"fmt"

	registration "k8s.io/api/admissionregistration/v1"
	registrationv1beta1 "k8s.io/api/admissionregistration/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
)

// decodeObjects is as strict as the API server's strict validation of fields, and gives the defaults that the API
// server would give.
func decodeObjects(texts []json.RawMessage) ([]runtime.Object, error) {
	objects := make([]runtime.Object, 0, len(texts))
	for _, text := range texts {
		var meta metav1.TypeMeta
		if err := json.Unmarshal(text, &meta); err != nil {
			return nil, err
		}
		object, err := scheme.Scheme.New(meta.GroupVersionKind())
		if err != nil {
			return nil, err
		}
		faults, err := kjson.UnmarshalStrict(text, object)
		if err == nil && len(faults) > 0 {
			err = faults[0]
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", meta.Kind, err)
		}
		if object, err = toV1(object); err != nil {
			return nil, fmt.Errorf("%s: %w", meta.Kind, err)
		}
		setDefaults(object)
		objects = append(objects, object)
	}
	return objects, nil
}

// toV1 takes the beta of the two kinds for what it is: the same fields.
func toV1(object runtime.Object) (runtime.Object, error) {
	var target runtime.Object
	switch object.(type) {
	case *registrationv1beta1.MutatingAdmissionPolicy:
		target = &registration.MutatingAdmissionPolicy{}
	case *registrationv1beta1.MutatingAdmissionPolicyBinding:
		target = &registration.MutatingAdmissionPolicyBinding{}
	default:
		return object, nil
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	faults, err := kjson.UnmarshalStrict(text, target)
	if err == nil && len(faults) > 0 {
		err = faults[0]
	}
	return target, err
}

func setDefaults(object runtime.Object) {
	switch policy := object.(type) {
	case *registration.MutatingAdmissionPolicy:
		defaultMatch(policy.Spec.MatchConstraints)
	case *registration.MutatingAdmissionPolicyBinding:
		defaultMatch(policy.Spec.MatchResources)
	case *registration.ValidatingAdmissionPolicy:
		defaultMatch(policy.Spec.MatchConstraints)
	case *registration.ValidatingAdmissionPolicyBinding:
		defaultMatch(policy.Spec.MatchResources)
	case *corev1.Namespace:
		if policy.Labels == nil {
			policy.Labels = map[string]string{}
		}
		policy.Labels[corev1.LabelMetadataName] = policy.Name
	}
}

func defaultMatch(match *registration.MatchResources) {
	if match == nil {
		return
	}
	if match.MatchPolicy == nil {
		equivalent := registration.Equivalent
		match.MatchPolicy = &equivalent
	}
	if match.NamespaceSelector == nil {
		match.NamespaceSelector = &metav1.LabelSelector{}
	}
	if match.ObjectSelector == nil {
		match.ObjectSelector = &metav1.LabelSelector{}
	}
	for i := range match.ResourceRules {
		if match.ResourceRules[i].Scope == nil {
			all := registration.AllScopes
			match.ResourceRules[i].Scope = &all
		}
	}
}
