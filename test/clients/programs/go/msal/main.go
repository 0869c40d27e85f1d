package main

import (
	"context"

	mi "github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
)

func identity(name, value string) mi.ID {
	switch name {
	case "client_id":
		return mi.UserAssignedClientID(value)
	case "object_id":
		return mi.UserAssignedObjectID(value)
	case "resource_id":
		return mi.UserAssignedResourceID(value)
	default:
		return mi.SystemAssigned()
	}
}

func main() {
	answer(func(_, resource, name, value string) (ask, error) {
		client, err := mi.New(identity(name, value))
		return func() (string, error) {
			result, err := client.AcquireToken(context.Background(), resource)
			return result.AccessToken, err
		}, err
	})
}
