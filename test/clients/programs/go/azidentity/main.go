package main

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

type fallback struct{}

func (fallback) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "fallback", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// unavailable is a credential of the library that has nothing to work with here.
func unavailable() (azcore.TokenCredential, error) {
	return azidentity.NewAzureCLICredential(nil)
}

func managed(name, value string) (azcore.TokenCredential, error) {
	options := &azidentity.ManagedIdentityCredentialOptions{}
	switch name {
	case "client_id":
		options.ID = azidentity.ClientID(value)
	case "object_id":
		options.ID = objectID(value)
	case "resource_id":
		options.ID = azidentity.ResourceID(value)
	}
	return azidentity.NewManagedIdentityCredential(options)
}

func chain(makers ...func() (azcore.TokenCredential, error)) (azcore.TokenCredential, error) {
	links := []azcore.TokenCredential{}
	for _, maker := range makers {
		link, err := maker()
		if err != nil {
			return nil, err
		}
		links = append(links, link)
	}
	return azidentity.NewChainedTokenCredential(links, nil)
}

func credential(kind, name, value string) (azcore.TokenCredential, error) {
	own := func() (azcore.TokenCredential, error) { return managed(name, value) }
	last := func() (azcore.TokenCredential, error) { return fallback{}, nil }
	switch kind {
	case "default":
		return azidentity.NewDefaultAzureCredential(nil)
	case "after-unavailable":
		return chain(unavailable, own)
	case "before-fallback":
		return chain(own, last)
	default:
		return own()
	}
}

func main() {
	answer(func(kind, resource, name, value string) (ask, error) {
		source, err := credential(kind, name, value)
		return func() (string, error) {
			options := policy.TokenRequestOptions{Scopes: []string{resource + "/.default"}}
			token, err := source.GetToken(context.Background(), options)
			return token.Token, err
		}, err
	})
}
