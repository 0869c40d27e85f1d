package main

import (
	"context"
	"io"
	"log"
	"net/http"

	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/environments"
)

// Credentials as the provider azurerm fills them from `use_msi = true`.
func main() {
	log.SetOutput(io.Discard)
	answer(func(_, resource, name, value string) (ask, error) {
		credentials := auth.Credentials{
			Environment:                              *environments.AzurePublic(),
			EnableAuthenticatingUsingManagedIdentity: true,
		}
		if name == "client_id" {
			credentials.ClientID = value
		}
		api := environments.NewApiEndpoint("Lab", resource, nil).WithResourceIdentifier(resource)
		authorizer, err := auth.NewAuthorizerFromCredentials(context.Background(), credentials, api)
		return func() (string, error) {
			token, err := authorizer.Token(context.Background(), &http.Request{})
			if err != nil {
				return "", err
			}
			return token.AccessToken, nil
		}, err
	})
}
