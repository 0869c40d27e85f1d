//go:build !objectid

package main

import "github.com/Azure/azure-sdk-for-go/sdk/azidentity"

func objectID(string) azidentity.ManagedIDKind { panic("this version has no object IDs") }
