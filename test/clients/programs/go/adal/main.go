package main

import (
	"context"

	"github.com/Azure/go-autorest/autorest/adal"
)

func main() {
	answer(func(_, resource, name, value string) (ask, error) {
		options := &adal.ManagedIdentityOptions{}
		switch name {
		case "client_id":
			options.ClientID = value
		case "resource_id":
			options.IdentityResourceID = value
		}
		token, err := adal.NewServicePrincipalTokenFromManagedIdentity(resource, options)
		return func() (string, error) {
			err := token.EnsureFreshWithContext(context.Background())
			return token.OAuthToken(), err
		}, err
	})
}
