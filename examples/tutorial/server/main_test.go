package main

import (
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/thrifttest"
)

func TestLogin(t *testing.T) {
	foo := thriftkit.MustLoad("../foo.thrift").MustService("PingPong")
	client := thrifttest.NewServer(t, foo, pingPong{}).Client()
	got, err := thriftkit.Invoke[string](t.Context(), client, foo.Method("login"), "root", "secret")
	if got != "登录成功!" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
