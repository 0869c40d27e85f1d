package main

import (
	"context"
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
)

// As the quick start has it: the address of the account is all that the application knows.
func open(account string) (*azblob.Client, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return azblob.NewClient(account, credential, nil)
}

func main() {
	answer(func(_, account, _, path string) (ask, error) {
		client, err := open(account)
		container, blob, _ := strings.Cut(path, "/")
		return func() (string, error) {
			download, err := client.DownloadStream(context.Background(), container, blob, nil)
			if err != nil {
				return "", err
			}
			defer download.Body.Close()
			text, err := io.ReadAll(download.Body)
			return string(text), err
		}, err
	})
}
