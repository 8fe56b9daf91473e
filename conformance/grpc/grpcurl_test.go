package grpc_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// missing ends a test that lacks a program: it is skipped, or fails where scripts/peers.sh says that all are required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("THRIFTKIT_PEERS") == "required" {
		t.Fatal(what)
	}
	t.Skipf("%s (make test-all sets it up)", what)
}

// run runs a program and returns its output.
func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), err
}

// TestGrpcurl asks a server for its services, and calls them, with nothing but its address.
func TestGrpcurl(t *testing.T) {
	grpcurl := os.Getenv("THRIFTKIT_GRPCURL")
	if _, err := exec.LookPath(grpcurl); err != nil {
		missing(t, "THRIFTKIT_GRPCURL names no grpcurl")
	}
	addr := serveBook(t)
	for _, test := range []struct {
		args   []string
		want   string // all of the output, or with … a part
		failed bool
	}{
		{[]string{addr, "list"}, "book.v1.Library\ngrpc.health.v1.Health\n", false},
		{[]string{addr, "list", "book.v1.Library"}, "book.v1.Library.all\nbook.v1.Library.find\nbook.v1.Library.store\n", false},
		{[]string{addr, "describe", "book.v1.Library"}, `book.v1.Library is a service:
service Library {
  rpc all ( .book.v1.AllRequest ) returns ( stream .book.v1.Book );
  rpc find ( .book.v1.FindRequest ) returns ( .book.v1.Book );
  rpc store ( .book.v1.StoreRequest ) returns ( .book.v1.StoreResponse );
}
`, false},
		{[]string{addr, "describe", ".book.v1.Book"}, `book.v1.Book is a message:
message Book {
  string title = 1;
  optional int32 year = 2;
  .book.v1.Genre genre = 3;
  map<string, int64> copies = 4;
  repeated string authors = 5;
}
`, false},
		{[]string{"-d", `{"title": "Emma"}`, addr, "book.v1.Library/find"},
			"{\n  \"title\": \"Emma\",\n  \"year\": 1815,\n  \"genre\": \"GENRE_NOVEL\",\n  \"copies\": {\n    \"Bath\": \"2\"\n  },\n  \"authors\": [\n    \"Austen\"\n  ]\n}\n", false},
		{[]string{"-d", `{"title": "?"}`, addr, "book.v1.Library/find"},
			"ERROR:\n  Code: NotFound\n  Message: NoBook\n  Details:\n  1)\t{\n    \t  \"@type\": \"type.googleapis.com/book.v1.NoBook\",\n    \t  \"title\": \"?\"\n    \t}\n", true},
		{[]string{"-d", `{"books": [{"title": "a"}, {"title": "b"}]}`, addr, "book.v1.Library/store"}, "{\n  \"result\": 2\n}\n", false},
		{[]string{addr, "book.v1.Library/all"}, "{\n  \"title\": \"Emma\"\n}\n{\n  \"title\": \"Persuasion\"\n}\n", false},
		{[]string{addr, "grpc.health.v1.Health/Check"}, "{\n  \"status\": \"SERVING\"\n}\n", false},
		{[]string{"-d", `{"service": "book.v1.Library"}`, addr, "grpc.health.v1.Health/Check"}, "{\n  \"status\": \"SERVING\"\n}\n", false},
		{[]string{"-d", `{"service": "gone"}`, addr, "grpc.health.v1.Health/Check"}, "ERROR:\n  Code: NotFound\n  Message: unknown service\n", true},
		{[]string{addr, "book.v1.Library/gone"}, "…does not include a method named \"gone\"", true},
	} {
		got, err := run(t, grpcurl, append([]string{"-plaintext"}, test.args...)...)
		part, isPart := strings.CutPrefix(test.want, "…")
		if (err != nil) != test.failed || got != test.want && !(isPart && strings.Contains(got, part)) {
			t.Errorf("grpcurl %q: %v\n%s\nwant:\n%s", test.args, err, got, test.want)
		}
	}
}

// serveBook serves the service Library without Go types.
func serveBook(t *testing.T) string {
	return serve(t, "testdata/book.thrift", "Library", rpc.DynamicHandler(func(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
		switch m.Name {
		case "find":
			title := args.Get("title").Text()
			if title == "?" {
				e := dynamic.New(m.Throws[0].Type.Struct)
				return nil, errors.Join(e.Set("title", title), &rpc.Exception{Value: e})
			}
			return map[string]any{"title": title, "year": 1815, "genre": "NOVEL", "copies": map[string]int64{"Bath": 2}, "authors": []string{"Austen"}}, nil
		case "store":
			return args.Get("books").List().Len(), nil
		}
		for _, title := range []string{"Emma", "Persuasion"} {
			book := dynamic.New(m.Result.Struct)
			if err := errors.Join(book.Set("title", title), rpc.StreamOf(ctx).Send(dynamic.StructValue(book))); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}))
}
