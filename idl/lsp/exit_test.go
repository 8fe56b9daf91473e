package lsp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestExit says exit and leaves the input open, as an editor may: the server ends nevertheless. So it does when its context ends.
func TestExit(t *testing.T) {
	for name, end := range map[string]func(send func(string), cancel func()){
		"exit": func(send func(string), _ func()) {
			send(`{"jsonrpc":"2.0","id":2,"method":"shutdown"}`)
			send(`{"jsonrpc":"2.0","method":"exit"}`)
		},
		"context": func(_ func(string), cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			in, input := io.Pipe()
			output, out := io.Pipe()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- Serve(ctx, in, out, Options{}) }()
			answers := bufio.NewReader(output)
			send := func(text string) {
				fmt.Fprintf(input, "Content-Length: %d\r\n\r\n%s", len(text), text)
			}
			go send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}`)
			if line, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(line, "Content-") {
				t.Fatal(line, err)
			}
			go io.Copy(io.Discard, answers)
			go end(send, cancel)
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Error("the server goes on")
			}
			input.Close()
		})
	}
}
