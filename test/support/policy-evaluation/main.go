// Program policy-evaluation runs admission policies over pods by the API server's own code: its plugins with their
// matching, bindings, params, variables and cost limits. It reads a question from standard input and writes an
// answer for each pod to standard output, both as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A question has a cluster's objects (policies, bindings, namespaces, ServiceAccounts) and pods to create in it.
type question struct {
	Objects []json.RawMessage `json:"objects"`
	Pods    []*corev1.Pod     `json:"pods"`
}

// An answer says what became of a pod.
type answer struct {
	// Pod as the mutating policies leave it; missing if one of them failed.
	Pod *corev1.Pod `json:"pod,omitempty"`
	// Denied is the message of the first refusal, as a user sees it.
	Denied   string   `json:"denied,omitempty"`
	Warnings []string `json:"warnings"`
	// Cost of the dearest invocation of each policy, of 10,000,000 that one may have.
	Cost map[string]int64 `json:"cost"`
	// Microseconds that all policies took.
	Microseconds int64 `json:"microseconds"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "policy-evaluation:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var asked question
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return fmt.Errorf("the question: %w", err)
	}
	objects, err := decodeObjects(asked.Objects)
	if err != nil {
		return err
	}
	server, err := newServer(ctx, objects)
	if err != nil {
		return err
	}
	answers := make([]answer, 0, len(asked.Pods))
	for _, pod := range asked.Pods {
		given, err := server.create(ctx, pod)
		if err != nil {
			return fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		answers = append(answers, given)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}
