package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/azure"
)

// login is what the library sends: the token, and what it has read of the machine.
type login struct {
	JWT            string `json:"jwt"`
	SubscriptionID string `json:"subscription_id"`
	ScaleSet       string `json:"vmss_name"`
}

// Logs in to a Vault that gives away which token it was shown, if the machine was named as well.
func logIn(resource string) (string, error) {
	var shown login
	vault := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if json.NewDecoder(request.Body).Decode(&shown) != nil || shown.SubscriptionID == "" || shown.ScaleSet == "" {
			http.Error(response, `{"errors":["which machine?"]}`, http.StatusBadRequest)
			return
		}
		response.Header().Set("Content-Type", "application/json")
		response.Write([]byte(`{"auth":{"client_token":"lab"}}`))
	}))
	defer vault.Close()
	config := api.DefaultConfig()
	config.Address = vault.URL
	client, err := api.NewClient(config)
	if err != nil {
		return "", err
	}
	method, err := azure.NewAzureAuth("lab", azure.WithResource(resource))
	if err != nil {
		return "", err
	}
	_, err = client.Auth().Login(context.Background(), method)
	return shown.JWT, err
}

func main() {
	answer(func(_, resource, _, _ string) (ask, error) {
		return func() (string, error) { return logIn(resource) }, nil
	})
}
