package auth_test

import (
	"context"
	"fmt"
	"log"

	"github.com/thriftkit/thriftkit/govern/auth"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A server that lets in calls by the rules of a file, and reads it again when it changes.
func ExampleGuard() {
	policy, err := auth.LoadPolicy("policy.json")
	if err != nil {
		log.Fatal(err) // policy.json:3:14: rules[0].allow: the list is empty
	}
	guard := auth.NewGuard(policy, auth.GuardOptions{})
	go guard.Watch(context.Background(), "policy.json", auth.LoadPolicy, func(err error) { log.Print("policy: ", err) })
	server := rpc.NewServer(rpc.ServerOptions{Gates: []rpc.Gate{guard}})
	defer server.Close()
}

// A document with a mistake is refused whole.
func ExampleParsePolicy() {
	_, err := auth.ParsePolicy([]byte(`{
  "rules": [{"name": "staff", "allow": ["Shop.*"], "principals": ["alice"]}]
}`))
	fmt.Println(err)
	// Output: 2:67: rules[0].principals[0]: want spiffe://…, user:…, token:…, uri:…, dns:… or cn:…, got "alice"
}

// Calls that no service has are nothing that a policy could mean.
func ExamplePolicy_Check() {
	policy, _ := auth.ParsePolicy([]byte(`{"rules": [{"name": "staff", "deny": ["Shop.sel"]}]}`))
	fmt.Println(policy.Check([]*schema.Service{{Name: "Shop"}}))
	// Output: 1:12: rules[0]: rule "staff" has 1 method that no service has: Shop.sel
}
