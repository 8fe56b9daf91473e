package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/thriftkit/thriftkit/idl/analysis"
)

// TestConfigErrors has mistakes in project files shown when the client is ready, and taken back when they are gone; what has no place
// in a file is reported.
func TestConfigErrors(t *testing.T) {
	var round atomic.Int32
	configure := func([]string, string) (analysis.Options, error) {
		if round.Add(1) > 1 {
			return analysis.Options{}, nil
		}
		wrapped := fmt.Errorf("reading: %w", errors.Join(
			&ConfigError{Path: "/p/thriftkit.yaml", Line: 2, Column: 3, Message: "no such key"},
			&ConfigError{Path: "/p/thriftkit.yaml", Message: "it is empty"}))
		return analysis.Options{}, errors.Join(wrapped, errors.New("no git"))
	}
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	done := make(chan error, 1)
	logged := make(chan error, 10)
	go func() {
		done <- Serve(context.Background(), fromClient, toClient, Options{ConfigName: "thriftkit.yaml", Configure: configure, ErrorLog: func(err error) { logged <- err }})
	}()
	push := make(chan publishParams, 10)
	c := jrpc2.NewClient(channel.LSP(fromServer, toServer), &jrpc2.ClientOptions{OnNotify: func(r *jrpc2.Request) {
		var p publishParams
		if r.Method() == "textDocument/publishDiagnostics" && r.UnmarshalParams(&p) == nil {
			push <- p
		}
	}})
	if _, err := c.Call(context.Background(), "initialize", object{"capabilities": object{}}); err != nil {
		t.Fatal(err)
	}
	if got := (<-logged).Error(); got != "no git" {
		t.Errorf("reported: %s", got)
	}
	if len(push) > 0 {
		t.Error("something is shown before the client is ready")
	}
	for _, want := range []string{"file:///p/thriftkit.yaml: 1:2 no such key, 0:0 it is empty", "file:///p/thriftkit.yaml:"} {
		if want == "file:///p/thriftkit.yaml:" {
			c.Notify(context.Background(), "workspace/didChangeWatchedFiles", object{"changes": []object{{"uri": "file:///p/thriftkit.yaml"}}})
		} else {
			c.Notify(context.Background(), "initialized", object{})
		}
		p := <-push
		got := p.URI + ":"
		for i, d := range p.Diagnostics {
			if i > 0 {
				got += ","
			}
			got += fmt.Sprintf(" %d:%d %s", d.Range.Start.Line, d.Range.Start.Character, d.Message)
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	c.Close()
	<-done
}

func TestConfigErrorText(t *testing.T) {
	for _, tt := range []struct {
		err  ConfigError
		want string
	}{
		{ConfigError{"a.yaml", 2, 3, "no such key"}, "a.yaml:2:3: error: no such key"},
		{ConfigError{"a.yaml", 0, 0, "it is empty"}, "a.yaml: error: it is empty"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
