package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

type outcome struct {
	Token   string `json:"token,omitempty"`
	Error   string `json:"error,omitempty"`
	Message string `json:"message,omitempty"`
}

type ask func() (string, error)

// answer reads its arguments and prints the outcomes: see programs/javascript/answer.mjs.
func answer(create func(kind, resource, name, value string) (ask, error)) {
	kind, resource, selectors := os.Args[1], os.Args[3], os.Args[4:]
	rounds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	outcomes := make([]outcome, rounds*len(selectors))
	var group sync.WaitGroup
	for index, selector := range selectors {
		name, value, _ := strings.Cut(selector, "=")
		group.Add(1)
		go func() {
			defer group.Done()
			getToken, err := create(kind, resource, name, value)
			for round := range rounds {
				token := ""
				if err == nil {
					token, err = getToken()
				}
				result := &outcomes[index*rounds+round]
				if result.Token = token; err != nil {
					result.Error, result.Message = fmt.Sprintf("%T", err), err.Error()
				}
			}
		}()
	}
	group.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		panic(err)
	}
}
