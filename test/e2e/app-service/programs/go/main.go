package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func getToken(resource string, name string) (string, error) {
	options := azidentity.ManagedIdentityCredentialOptions{}
	switch name {
	case "client_id":
		options.ID = azidentity.ClientID(os.Args[3])
	case "resource_id":
		options.ID = azidentity.ResourceID(os.Args[3])
	}
	credential, err := azidentity.NewManagedIdentityCredential(&options)
	if err != nil {
		return "", err
	}
	scopes := []string{resource + "/.default"}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: scopes})
	return token.Token, err
}

func main() {
	outcome := map[string]string{}
	if token, err := getToken(os.Args[1], os.Args[2]); err != nil {
		outcome["error"] = err.Error()
	} else {
		outcome["token"] = token
	}
	json.NewEncoder(os.Stdout).Encode(outcome)
}
