package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	_ "github.com/rclone/rclone/backend/azureblob"
	"github.com/rclone/rclone/fs"
)

// remote is what a user would hand to rclone on the command line: a backend with its options, and a container.
func remote(endpoint, name, value string) string {
	options := fmt.Sprintf(`account=account,endpoint="%s",use_msi=true`, endpoint)
	switch name {
	case "client_id":
		options += fmt.Sprintf(`,msi_client_id="%s"`, value)
	case "resource_id":
		options += fmt.Sprintf(`,msi_mi_res_id="%s"`, value)
	}
	return ":azureblob," + options + ":container"
}

// Lists a container of a storage account that gives away which token it was shown.
func list(name, value string) (string, error) {
	var shown atomic.Value
	account := httptest.NewTLSServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		shown.Store(strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer "))
		response.Header().Set("Content-Type", "application/xml")
		fmt.Fprint(response, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs/></EnumerationResults>`)
	}))
	defer account.Close()
	ctx, config := fs.AddConfig(context.Background())
	config.InsecureSkipVerify = true
	container, err := fs.NewFs(ctx, remote(account.URL, name, value))
	if err == nil {
		_, err = container.List(ctx, "")
	}
	token, _ := shown.Load().(string)
	return token, err
}

func main() {
	answer(func(_, _, name, value string) (ask, error) {
		return func() (string, error) { return list(name, value) }, nil
	})
}
