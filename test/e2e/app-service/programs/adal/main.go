package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/Azure/go-autorest/autorest/adal"
)

func getToken(resource string, name string) (string, error) {
	options := adal.ManagedIdentityOptions{}
	if name == "client_id" {
		options.ClientID = os.Args[3]
	}
	token, err := adal.NewServicePrincipalTokenFromManagedIdentity(resource, &options)
	if err != nil {
		return "", err
	}
	token.MaxMSIRefreshAttempts = 1
	if err := token.Refresh(); err != nil {
		return "", err
	}
	if token.Token().WillExpireIn(time.Hour) {
		return "", os.ErrDeadlineExceeded
	}
	return token.OAuthToken(), nil
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
