package thrifttest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/thrifttest"
)

type greeter struct{}

func (greeter) Greet(ctx context.Context, name string) (string, error) { return "hello " + name, nil }

// A test calls a handler over connections in memory.
func ExampleNewServer() {
	t := new(testing.T) // that of the test

	file, err := thriftkit.Parse("greeter.thrift", "service Greeter { string greet(1: string name) }")
	if err != nil {
		t.Fatal(err)
	}
	svc := file.MustService("Greeter")
	var c struct {
		Greet func(ctx context.Context, name string) (string, error)
	}
	if err := thrifttest.NewServer(t, svc, greeter{}).Client().Bind(svc, &c); err != nil {
		t.Fatal(err)
	}
	fmt.Println(c.Greet(context.Background(), "world"))
	// Output: hello world <nil>
}
