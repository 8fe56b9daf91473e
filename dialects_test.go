package thriftkit_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
	"github.com/thriftkit/thriftkit/wire/header"
	"github.com/thriftkit/thriftkit/wire/ttheader"
)

// The examples of this file are those of docs/dialects.md: its Go code is theirs, line by line.

// ticket is a handler of PingPong whose methods look at what comes beside their calls.
type ticket struct{}

func (ticket) Ping(ctx context.Context) (string, error) {
	trace := thriftkit.Metadata(ctx)["trace"]
	thriftkit.SetReplyMetadata(ctx, "served-by", "a")
	return trace + " " + thriftkit.Metadata(ctx)["tenant"], nil
}

func (ticket) Login(ctx context.Context, username, password string) (string, error) {
	return "", &thriftkit.BusinessError{Code: 42, Message: "sold out", Extra: map[string]string{"item": "tea"}}
}

func Example_dialectsMetadata() {
	svc, addr := serveTicket(thriftkit.NewServer())
	for _, name := range []string{"header", "ttheader", "http", "framed"} {
		client := must(thriftkit.Dial(context.Background(), addr+"?transport="+name))
		var back map[string]string
		ctx := context.Background()
		ctx = thriftkit.AddMetadata(ctx, map[string]string{"trace": "42"})
		ctx = thriftkit.AddPersistentMetadata(ctx, map[string]string{"tenant": "blue"})
		ctx = thriftkit.ReceiveMetadata(ctx, &back)
		seen, err := thriftkit.Invoke[string](ctx, client, svc.Method("ping"))
		fmt.Printf("%q %q %v\n", seen, back["served-by"], err)

		_, err = thriftkit.Invoke[string](ctx, client, svc.Method("login"))
		if name == "http" || name == "framed" {
			fmt.Println(err)
			continue
		}
		var business *thriftkit.BusinessError
		fmt.Println(errors.As(err, &business), business.Code, business.Message, business.Extra["item"])
	}
	// Output:
	// "42 blue" "a" <nil>
	// true 42 sold out tea
	// "42 blue" "a" <nil>
	// true 42 sold out tea
	// "42 blue" "a" <nil>
	// PingPong.login: internal error: business error 42: sold out (from the server)
	// " " "" <nil>
	// PingPong.login: internal error: business error 42: sold out (from the server)
}

func Example_dialectsAccept() {
	server := thriftkit.NewServer(thriftkit.WithAccept("framed", "compact/buffered", "http"))
	svc, addr := serveTicket(server)
	for _, query := range []string{"", "?protocol=compact", "?transport=framed", "?transport=header", "?transport=http&protocol=json"} {
		client := must(thriftkit.Dial(context.Background(), addr+query))
		_, err := thriftkit.Invoke[string](context.Background(), client, svc.Method("ping"))
		fmt.Printf("%q %v\n", query, err == nil)
		client.Close()
	}
	fmt.Println(server.Stats().RefusedDialects)
	// Output:
	// "" false
	// "?protocol=compact" true
	// "?transport=framed" true
	// "?transport=header" false
	// "?transport=http&protocol=json" true
	// 2
}

// lines is a protocol of lines: each is the name of a method, and the answer a line.
type lines struct{}

func (lines) Name() string            { return "lines" }
func (lines) Match(first []byte) bool { return bytes.HasPrefix(first, []byte("ping")) }

func (lines) ServeConn(ctx context.Context, nc net.Conn, s rpc.Invoker) error {
	calls := bufio.NewScanner(nc)
	for calls.Scan() {
		r := s.Invoke(ctx, &rpc.Invocation{Method: calls.Text()})
		fmt.Fprintln(nc, r.Call.Result(), r.Err)
		r.Release()
	}
	return calls.Err()
}

func Example_dialectsOthers() {
	server := thriftkit.NewServer(thriftkit.WithDialects(lines{}))
	_, addr := serveTicket(server)
	nc := must(net.Dial("tcp", addr))
	defer nc.Close()
	fmt.Fprintln(nc, "ping")
	fmt.Println(must(bufio.NewReader(nc).ReadString('\n')))
	// Output:
	//  <nil>
}

func Example_dialectsSASL() {
	ctx := context.Background()
	verify := func(ctx context.Context, user, password string) error {
		if user != "root" || password != "pwd" {
			return errors.New("no such user")
		}
		return nil
	}
	server := thriftkit.NewServer(thriftkit.WithSASLUsers(verify, true))
	svc, addr := serveTicket(server)
	client, err := thriftkit.Dial(ctx, addr, thriftkit.WithSASLPlain("root", "pwd"))
	fmt.Println(err)
	fmt.Println(thriftkit.Invoke[string](ctx, client, svc.Method("ping")))
	_, err = thriftkit.Dial(ctx, "http://"+addr+"/", thriftkit.WithSASLPlain("root", "pwd"))
	fmt.Println(err != nil)
	// Output:
	// <nil>
	//   <nil>
	// true
}

func Example_dialectsUDP() {
	server := thriftkit.NewServer()
	svc := thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	fmt.Println(server.Register(svc, ticket{}))
	go func() {
		listener, err := thriftkit.Listen("udp://:6831")
		if err != nil {
			log.Fatal(err)
		}
		err = server.Serve(listener)
		log.Fatal(err)
	}()
}

func Example_dialectsHTTPError() {
	server := thriftkit.NewServer()
	svc, addr := serveTicket(server)
	client := must(thriftkit.Dial(context.Background(), "http://"+addr+"/?tenant=7", thriftkit.WithMaxMessageBytes(64<<20)))
	defer client.Close()
	server.Close()
	_, err := thriftkit.Invoke[string](context.Background(), client, svc.Method("ping"))
	var refused *thriftkit.HTTPError
	if !errors.As(err, &refused) {
		fmt.Println("no answer")
		return
	}
	fmt.Println(errors.As(err, &refused), refused.Status, refused.Header.Get("Www-Authenticate"))
	// Output: no answer
}

func Example_dialectsServices() {
	ctx := context.Background()
	server := thriftkit.NewServer()
	svc, addr := serveTicket(server)
	if err := server.RegisterAs("Users", svc, ticket{}); err != nil {
		log.Fatal(err)
	}
	client := must(thriftkit.Dial(ctx, addr))
	defer client.Close()
	users := client.ForService("Users")
	fmt.Println(thriftkit.Invoke[string](ctx, users, svc.Method("ping")))
	// Output:
	//   <nil>
}

// serveTicket serves PingPong on a free port.
func serveTicket(server *thriftkit.Server) (svc *schema.Service, addr string) {
	svc = thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	if err := server.Register(svc, ticket{}); err != nil {
		log.Fatal(err)
	}
	l := must(thriftkit.Listen("127.0.0.1:0"))
	go server.Serve(l)
	return svc, l.Addr().String()
}

// TestDialects checks that both pages have the names that the code has, that what they say of first
// bytes is so, and that their Go code is code of this file's examples, which run.
func TestDialects(t *testing.T) {
	for _, file := range []string{"docs/dialects.md", "docs/dialects.zh-CN.md"} {
		page := readPage(t, file)
		_, err := transport.ParseTarget("h:1?transport=none")
		same(t, file+": transports", page.names(2), listOf(err))
		same(t, file+": protocols", page.names(1), protocol.Names())
		_, schemes := transport.ParseTarget("none://h:1")
		_, keys := transport.ParseTarget("tls://h:1?none=1")
		same(t, file+": parts of targets", page.names(3), append(listOf(schemes), listOf(keys)...))
		for _, row := range page.rows(4) {
			if got, want := dialectOf(t, spans(row[1])[0]), spans(row[2])[0]; got != want {
				t.Errorf("%s: %s is %s, not %s", file, row[1], got, want)
			}
		}
		for _, want := range []string{
			ttheader.ServiceName, ttheader.CloseSoon, ttheader.Status, ttheader.StatusMessage, ttheader.StatusExtra,
			ttheader.Transient, ttheader.Persistent,
		} {
			if !slices.Contains(spans(page.sections[11]), want) {
				t.Errorf("%s does not name %s", file, want)
			}
		}
		checkLimits(t, page)
	}
	english, chinese := readPage(t, "docs/dialects.md"), readPage(t, "docs/dialects.zh-CN.md")
	same(t, "in code font, English and Chinese", spans(english.text), spans(chinese.text))
	if e, c := english.blocks(""), chinese.blocks(""); !slices.Equal(e, c) {
		t.Errorf("blocks of code: %q in English, %q in Chinese", e, c)
	}
	checkCode(t, "docs/dialects.md", english.blocks("go"))
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, shown, _ := strings.Cut(string(text), "```go\nctx = thriftkit.AddMetadata")
		shown, _, _ = strings.Cut("ctx = thriftkit.AddMetadata"+shown, "```")
		checkCode(t, file, []string{regexp.MustCompile(` +//.*`).ReplaceAllString(shown, "")})
	}
}

// TestDialectsOwnFields checks that what the page calls HTTP's own cannot be metadata.
func TestDialectsOwnFields(t *testing.T) {
	svc, addr := serveTicket(thriftkit.NewServer())
	client := must(thriftkit.Dial(t.Context(), "http://"+addr))
	defer client.Close()
	text := readPage(t, "docs/dialects.md").sections[11]
	_, list, _ := strings.Cut(text, "HTTP's own:")
	list, _, _ = strings.Cut(list, ".")
	for _, name := range append(spans(list), "Client-Timeout") {
		ctx := thriftkit.AddMetadata(t.Context(), map[string]string{name: "x"})
		_, err := thriftkit.Invoke[string](ctx, client, svc.Method("ping"))
		var e *thriftkit.Error
		if !errors.As(err, &e) || e.Code != rpc.CodeArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// dialectOf returns the name of the dialect that starts with first, in hex.
func dialectOf(t *testing.T, first string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(first, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	switch d, ok := detect.Bytes(b, wire.DefaultMaxMessageBytes); {
	case msgio.IsTLS(b):
		return "TLS"
	case msgio.IsZlib(b):
		return "zlib"
	case msgio.IsHTTP(b):
		return "http"
	case !ok:
		return "unknown"
	case d.Envelope != detect.None && d.Framed:
		return "framed-header"
	case d.Envelope != detect.None:
		return map[detect.Envelope]string{detect.THeader: "header", detect.TTHeader: "ttheader", detect.SASL: "SASL"}[d.Envelope]
	case d.Framed:
		return d.Protocol + "/framed"
	default:
		return d.Protocol + "/buffered"
	}
}

func checkLimits(t *testing.T, page docsPage) {
	t.Helper()
	if len(page.sections) != 18 {
		t.Fatalf("%s has %d sections", page.file, len(page.sections))
	}
	for i, want := range map[int]string{
		0: fmt.Sprintf("%d MiB", wire.DefaultMaxMessageBytes>>20),
		1: fmt.Sprint(wire.MaxDepth),
		2: "65,507 ",
		7: fmt.Sprint(header.MaxTransforms),
	} {
		if got := page.rows(17)[i][1]; !strings.HasPrefix(got, want) {
			t.Errorf("%s: limit %d is %s, want %s", page.file, i+1, got, want)
		}
	}
}

// checkCode checks that every line of the blocks is in an example of this file.
func checkCode(t *testing.T, file string, blocks []string) {
	t.Helper()
	source, err := os.ReadFile("dialects_test.go")
	if err != nil {
		t.Fatal(err)
	}
	examples, _, _ := strings.Cut(string(source), "\nfunc Test")
	lines := strings.FieldsFunc(strings.Join(blocks, "\n"), func(r rune) bool { return r == '\n' })
	if len(lines) == 0 {
		t.Errorf("%s: no code found", file)
	}
	for _, line := range lines {
		if line = strings.TrimSpace(line); !strings.Contains(examples, "\t"+line+"\n") {
			t.Errorf("%s: no example has %s", file, line)
		}
	}
}

// A docsPage is a file of docs, cut at its headings of the second level: section 0 is in front of them.
type docsPage struct {
	file, text string
	sections   []string
}

func readPage(t *testing.T, file string) docsPage {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return docsPage{file, string(text), strings.Split(string(text), "\n## ")}
}

// blocks returns the blocks of code in a language; of all for "".
func (p docsPage) blocks(language string) (all []string) {
	for _, m := range regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```").FindAllStringSubmatch(p.text, -1) {
		if language == "" || m[1] == language {
			all = append(all, m[2])
		}
	}
	return all
}

// rows returns the cells of a section's tables, without their heads.
func (p docsPage) rows(section int) (all [][]string) {
	lines := strings.Split(p.sections[section], "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|--") && !strings.HasPrefix(lines[i+1], "|--") {
			all = append(all, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return all
}

// names returns what stands in the first cells of a section.
func (p docsPage) names(section int) (all []string) {
	for _, row := range p.rows(section) {
		all = append(all, spans(row[0])...)
	}
	return all
}

// spans returns what stands in code font outside of blocks.
func spans(text string) (all []string) {
	text = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// listOf returns what an error says there is.
func listOf(err error) []string {
	_, list, _ := strings.Cut(fmt.Sprint(err), "(known: ")
	return strings.Split(strings.TrimSuffix(list, ")"), ", ")
}

// same compares lists in any order.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
