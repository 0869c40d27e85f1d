package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// As the quick start has it: the address of the vault is all that the application knows.
func open(vault string) (*azsecrets.Client, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return azsecrets.NewClient(vault, credential, nil)
}

func main() {
	answer(func(_, vault, _, name string) (ask, error) {
		client, err := open(vault)
		return func() (string, error) {
			secret, err := client.GetSecret(context.Background(), name, "", nil)
			if err != nil {
				return "", err
			}
			return *secret.Value, nil
		}, err
	})
}
