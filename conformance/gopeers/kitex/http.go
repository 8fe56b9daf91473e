package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/genericclient"
	"github.com/cloudwego/kitex/pkg/generic"
	"github.com/cloudwego/kitex/transport"
)

// requests makes the generic calls over HTTP that requests ask for, to the server of idl at address. A request is a line of JSON on standard
// input, and what became of it one of standard output.
func requests(idl, address string) error {
	provider, err := generic.NewThriftFileProvider(idl)
	if err != nil {
		return err
	}
	codec, err := generic.HTTPThriftGeneric(provider)
	if err != nil {
		return err
	}
	caller, err := genericclient.NewClient("HTTP", codec, client.WithHostPorts(address), client.WithTransportProtocol(transport.Framed))
	if err != nil {
		return err
	}
	fmt.Println("READY")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := request(caller, lines.Bytes()); err != nil {
			fmt.Printf("error %q\n", err)
		} else {
			fmt.Println("ok")
		}
	}
	return nil
}

// request makes the call of one request.
func request(caller genericclient.Client, line []byte) error {
	var given struct {
		Method, Target, Body string
		Header               http.Header
	}
	if err := json.Unmarshal(line, &given); err != nil {
		return err
	}
	r, err := http.NewRequest(given.Method, "http://127.0.0.1"+given.Target, strings.NewReader(given.Body))
	if err != nil {
		return err
	}
	r.Header = given.Header
	req, err := generic.FromHTTPRequest(r)
	if err != nil {
		return err
	}
	_, err = caller.GenericCall(context.Background(), "", req)
	return err
}
