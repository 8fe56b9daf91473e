package attack

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
	"github.com/thriftkit/thriftkit/govern/auth"
	"github.com/thriftkit/thriftkit/hardening/child"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// The attacks in this file are on the server that lets in only whom it should.

// maxLines is how many lines clients may cause in the error log in a second.
const maxLines = 100

// watch reports what the server should not have done since it was called: begun more calls than it should, and written more lines into
// its log than it may.
func (x *run) watch() (done func(begun int64) error, err error) {
	before, err := x.GuardStats()
	start := time.Now()
	return func(begun int64) error {
		after, err := x.GuardStats()
		if n := after.Begun - before.Begun; err == nil && n != begun {
			x.fault("%d calls began, want %d", n, begun)
		}
		if n, most := after.Lines-before.Lines, maxLines*(int64(time.Since(start)/time.Second)+2); n > min(most, x.inputs.Load()+1) {
			x.fault("%d lines in the log for %d inputs", n, x.inputs.Load())
		}
		return err
	}, err
}

// guardTarget is the target of the guarded server in a transport.
func (x *run) guardTarget(transport string) string {
	return "tcp://" + x.Guarded.Addr + "?transport=" + transport
}

func (x *run) service() (*schema.Service, error) {
	file, err := conformance.Load()
	if err != nil {
		return nil, err
	}
	return file.Service("Conformance"), nil
}

// ping calls the guarded server.
func (x *run) ping(ctx context.Context, target string, opts ...thriftkit.ClientOption) error {
	svc, err := x.service()
	if err != nil {
		return err
	}
	x.inputs.Add(1)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := thriftkit.Dial(ctx, target, opts...)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = thriftkit.Invoke[string](ctx, c, svc.Method("ping"))
	return err
}

// token returns a JSON Web Token, signed by HMAC with this hash.
func token(header, claims string, key []byte, hash func() hash.Hash) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	mac := hmac.New(hash, key)
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

// badTokens are those of attackers, by what is wrong with them.
func badTokens() map[string]string {
	now := time.Now().Unix()
	claims := fmt.Sprintf(`{"sub":"job","exp":%d}`, now+600)
	const hs = `{"alg":"HS256","typ":"JWT"}`
	good := token(hs, claims, child.GuardKey, sha256.New)
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"another token":                    child.GuardToken + "x",
		"an empty token":                   "",
		"the name of a token":              "ci",
		"expired":                          token(hs, fmt.Sprintf(`{"sub":"job","exp":%d}`, now-3600), child.GuardKey, sha256.New),
		"not yet valid":                    token(hs, fmt.Sprintf(`{"sub":"job","exp":%d,"nbf":%d}`, now+7200, now+3600), child.GuardKey, sha256.New),
		"never expires":                    token(hs, `{"sub":"job"}`, child.GuardKey, sha256.New),
		"expires at the end of numbers":    token(hs, `{"sub":"job","exp":1e400}`, child.GuardKey, sha256.New),
		"alg none":                         encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"alg nOnE, signed":                 token(`{"alg":"nOnE"}`, claims, child.GuardKey, sha256.New),
		"alg none and HS256":               token(`{"alg":"HS256","alg":"none"}`, claims, child.GuardKey, sha256.New),
		"HS512":                            token(`{"alg":"HS512"}`, claims, child.GuardKey, sha512.New),
		"RS256, signed with the HMAC":      token(`{"alg":"RS256"}`, claims, child.GuardKey, sha256.New),
		"a critical extension":             token(`{"alg":"HS256","crit":["b64"],"b64":false}`, claims, child.GuardKey, sha256.New),
		"another key":                      token(hs, claims, []byte(strings.Repeat("k", 32)), sha256.New),
		"an empty key":                     token(hs, claims, nil, sha256.New),
		"other claims":                     parts[0] + "." + encode([]byte(strings.Replace(claims, "job", "root", 1))) + "." + parts[2],
		"no signature":                     parts[0] + "." + parts[1] + ".",
		"a signature that is cut":          good[:len(good)-4],
		"a signature of zeros":             parts[0] + "." + parts[1] + "." + encode(make([]byte, 32)),
		"a token that is too long":         good + strings.Repeat("A", 16<<10),
		"another subject":                  token(hs, strings.Replace(claims, "job", "guest", 1), child.GuardKey, sha256.New),
		"a subject with the kind in it":    token(hs, strings.Replace(claims, "job", "token:job", 1), child.GuardKey, sha256.New),
		"a subject that looks like a rule": token(hs, strings.Replace(claims, "job", "*", 1), child.GuardKey, sha256.New),
	}
}

// identities makes calls as somebody else.
func identities(x *run) error {
	if err := errors.Join(x.ping(auth.WithToken(x.ctx, child.GuardToken), x.guardTarget("header")),
		x.ping(auth.WithToken(x.ctx, token(`{"alg":"HS256"}`, fmt.Sprintf(`{"sub":"job","exp":%d}`, time.Now().Unix()+60), child.GuardKey, sha256.New)), x.guardTarget("header"))); err != nil {
		return fmt.Errorf("correct tokens: %w", err)
	}
	done, err := x.watch()
	if err != nil {
		return err
	}
	refused := func(what string, err error) {
		var e *thriftkit.Error
		if !errors.As(err, &e) || e.Code != thriftkit.CodeUnauthenticated && e.Code != thriftkit.CodePermissionDenied {
			x.fault("%s: %v", what, err)
		}
	}
	for _, transport := range []string{"header", "ttheader", "http"} {
		for what, text := range badTokens() {
			refused(transport+", "+what, x.ping(auth.WithToken(x.ctx, text), x.guardTarget(transport)))
		}
		for _, name := range []string{"principal", "user", "identity", "client_id", "thrift_principal", "x-forwarded-for", "x-forwarded-client-cert", "x-real-ip", "forwarded", "remote-user"} {
			for _, value := range []string{"token:ci", "cn:client", "ci", child.GuardInside.String(), "for=" + child.GuardInside.String()} {
				refused(transport+", the metadata "+name, x.ping(thriftkit.AddMetadata(x.ctx, map[string]string{name: value}), x.guardTarget(transport)))
			}
		}
	}
	x.inputs.Add(1)
	for _, url := range []string{"http://ci:@", "http://client:client@", "http://token%3Aci:x@"} {
		if x.ping(x.ctx, url+x.Guarded.Addr+"/") == nil {
			x.fault("Basic authentication: a call began")
		}
	}
	if err := x.certificates(); err != nil {
		return err
	}
	return done(0)
}

// certificates shows certificates that say they are the client's.
func (x *run) certificates() error {
	if x.Certs == "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "strangers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := child.Certificates(dir); err != nil {
		return err
	}
	own, err := tls.LoadX509KeyPair(x.Certs+"/client.pem", x.Certs+"/client.key")
	if err != nil {
		return err
	}
	for _, name := range []string{"client", "ca"} {
		pair, err := tls.LoadX509KeyPair(dir+"/"+name+".pem", dir+"/"+name+".key")
		if err != nil {
			return err
		}
		stolen := tls.Certificate{Certificate: own.Certificate, PrivateKey: pair.PrivateKey} // without its key
		chained := tls.Certificate{Certificate: append(pair.Certificate[:1:1], own.Certificate...), PrivateKey: pair.PrivateKey}
		for what, c := range map[string]tls.Certificate{"of a stranger": pair, "without its key": stolen, "before the client's": chained} {
			x.inputs.Add(1)
			nc, err := x.dial(x.Guarded.Addr)
			if err != nil {
				return err
			}
			nc.SetDeadline(time.Now().Add(5 * time.Second))
			secure := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }})
			_, err = secure.Write(pingFrame())
			if err == nil {
				_, err = secure.Read(make([]byte, 4))
			}
			if err == nil {
				x.fault("a certificate %s: the server answered", what)
			}
			nc.Close()
		}
	}
	return nil
}

// pingFrame is a call of ping, binary and framed.
func pingFrame() []byte {
	w := newWriter("binary")
	w.message("ping", 4, byte(wire.Call), 1)
	w.stop()
	return frame(int64(len(w.bytes())), w.bytes())
}

// proxies says by the PROXY protocol that calls come from an address that may make them.
func proxies(x *run) error {
	done, err := x.watch()
	if err != nil {
		return err
	}
	inside := child.GuardInside.As4()
	v2 := func(command, family byte, addresses []byte) []byte {
		b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x20|command, family)
		return append(binary.BigEndian.AppendUint16(b, uint16(len(addresses))), addresses...)
	}
	ports := []byte{1, 1, 2, 2}
	addresses := append(append(inside[:], 127, 0, 0, 1), ports...)
	text := child.GuardInside.String()
	v1 := "PROXY TCP4 " + text + " 127.0.0.1 1 2\r\n"
	var all []input
	for what, header := range map[string][]byte{
		"version 1":             []byte(v1),
		"version 1, twice":      []byte(v1 + v1),
		"version 1, mapped":     []byte("PROXY TCP6 ::ffff:" + text + " ::1 1 2\r\n"),
		"version 1, unknown":    []byte("PROXY UNKNOWN " + text + "\r\n"),
		"version 1, in capsule": []byte("proxy tcp4 " + text + " 127.0.0.1 1 2\r\n"),
		"version 2":             v2(1, 0x11, addresses),
		"version 2, local":      v2(0, 0, nil),
		"version 2, twice":      append(v2(1, 0x11, addresses), v2(1, 0x11, addresses)...),
		"version 2, unix":       v2(1, 0x31, make([]byte, 216)),
		"version 2, a length":   v2(1, 0x11, append(addresses, make([]byte, 60_000)...)),
	} {
		all = append(all, input{name: what, bytes: append(bytes.Clone(header), pingFrame()...)}, input{name: what + ", HTTP", bytes: append(bytes.Clone(header), "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"...)})
	}
	x.throwAll(x.Guarded.Addr, all)
	return done(0)
}

// contradictions replaces the policy by others with mistakes: the one before stays.
func contradictions(x *run) error {
	defer replaceFile(x.Guarded.Policy, child.GuardPolicy())
	const open = `"rules": [{"name": "a", "allow": ["*"]}`
	all := []string{
		`{"default": "allow", "default": "deny"}`,
		`{` + open + `, {"name": "b", "deny": ["*"]}]}`,
		`{` + open + `, {"name": "a", "allow": ["Conformance.ping"]}]}`,
		`{"default": "allow", "rules": [{"name": "a", "allow": ["*"], "deny": ["*"]}]}`,
		`{"default": "allow"`,
		`{"default": "allow"} {"default": "deny"}`,
		strings.Repeat("[", 1<<20),
		`{"default": "allow", "extra": "` + strings.Repeat("x", 1<<20) + `"}`,
	}
	if x.Short {
		all = all[:3]
	}
	done, err := x.watch()
	if err != nil {
		return err
	}
	begun := int64(0)
	for _, text := range all {
		x.inputs.Add(1)
		before, err := x.GuardStats()
		if err != nil {
			return err
		}
		if err := replaceFile(x.Guarded.Policy, text); err != nil {
			return err
		}
		now := before
		for end := time.Now().Add(time.Minute); now.Mistakes == before.Mistakes; time.Sleep(50 * time.Millisecond) {
			if now, err = x.GuardStats(); err != nil || now.Policies > before.Policies || time.Now().After(end) {
				x.fault("the policy %.100s was not refused: %v", text, err)
				break
			}
		}
		if x.ping(x.ctx, x.guardTarget("framed")) == nil {
			x.fault("with the policy %.100s everybody is let in", text)
		}
		if err := x.ping(auth.WithToken(x.ctx, child.GuardToken), x.guardTarget("header")); err != nil {
			x.fault("with the policy %.100s a correct client fails: %v", text, err)
		}
		begun++
		if now, err = x.GuardStats(); now.Mistakes != before.Mistakes+1 {
			x.fault("the policy %.100s was reported %d times: %v", text, now.Mistakes-before.Mistakes, err)
		}
	}
	return done(begun)
}

// replaceFile replaces a file at once: it may be read at any time.
func replaceFile(path, text string) error {
	return errors.Join(os.WriteFile(path+".next", []byte(text), 0o600), os.Rename(path+".next", path))
}

// page asks for an admin page.
func (x *run) page(path string) ([]byte, error) {
	resp, err := http.Get("http://" + x.Guarded.Admin + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// series counts those of the guarded server.
func (x *run) series() (int, error) {
	text, err := x.page("/metrics")
	n := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n, err
}

// labels calls methods that do not exist, of services that do not exist, in all dialects.
func labels(x *run) error {
	n := 10_000
	if x.Short {
		n = 1000
	}
	flood := func(start, n int) error {
		for _, d := range []Dialect{{"binary", "framed"}, {"compact", "framed"}, {"binary", "header"}, {"binary", "ttheader"}, {"binary", "http"}} {
			nc, err := x.dial(x.Guarded.Addr)
			if err != nil {
				return err
			}
			nc.SetDeadline(time.Now().Add(time.Minute))
			go io.Copy(io.Discard, nc)
			w := bufio.NewWriter(nc)
			for i := range n {
				x.inputs.Add(1)
				m := newWriter(d.Protocol)
				name := fmt.Sprintf("Service%d:method%d", start+i, start+i)
				m.message(name, int64(len(name)), byte(wire.Call), int32(i))
				m.stop()
				w.Write(calls(d).wrap(m.bytes()))
			}
			w.Flush()
			nc.(*net.TCPConn).CloseWrite()
			time.Sleep(x.hold() / 5)
			nc.Close()
		}
		for i := range n / 100 { // by the names of other frameworks
			x.inputs.Add(3)
			x.throw(x.Guarded.Addr, child.RPCXCall(fmt.Sprintf("Method%d", start+i), 0, 1, []byte("{}")))
			x.throw(x.Guarded.Addr, motanMessage(0, fmt.Sprintf("M_p\nService%d\nM_m\nmethod%[1]d", start+i), nil))
			x.throw(x.Guarded.Addr, fmt.Appendf(nil, "POST /Service%d/method%[1]d HTTP/1.1\r\nHost: h%[1]d\r\nContent-Type: a/b%[1]d\r\nContent-Length: 0\r\n\r\n", start+i))
		}
		return x.ctx.Err()
	}
	if err := flood(0, 100); err != nil { // the series that there should be
		return err
	}
	before, err := x.series()
	if err != nil {
		return err
	}
	if err := flood(100, n); err != nil {
		return err
	}
	after, err := x.series()
	if after > before {
		x.fault("there are %d time series more", after-before)
	}
	status, err2 := x.page("/status?format=json")
	if bytes.Contains(status, []byte("method10")) || !json.Valid(status) {
		x.fault("the page of the state has the names of methods that do not exist")
	}
	x.say("%d time series before and after", after)
	return errors.Join(err, err2)
}

// headers sends more of them than anybody needs.
func headers(x *run) error {
	const most = 1<<16*4 - 64 // what a header of THeader or TTHeader can hold
	pairs := func(name string, each int) []string {
		var all []string
		for size := 0; size < most-2*(each+2)-16; size += each + each + 2 {
			all = append(all, (name + fmt.Sprint(len(all)) + strings.Repeat("k", each))[:each], strings.Repeat("v", each))
		}
		return all
	}
	ping := pingFrame()[4:]
	lines := func(n int, line string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	const post = "POST / HTTP/1.1\r\nHost: localhost\r\n"
	var all []input
	for _, each := range []int{1, 7, 60, 120} {
		list := pairs("a", each)
		all = append(all, input{name: "THeader", bytes: theader(headerFields{info: keyValues(uint64(len(list)/2), list...)}, ping)})
		kitex := []byte{1} // key-values of TTHeader
		kitex = binary.BigEndian.AppendUint16(kitex, uint16(min(len(list)/2, 0xffff)))
		for _, s := range list[:min(len(list), most/(2*(each+2)))] {
			kitex = append(binary.BigEndian.AppendUint16(kitex, uint16(len(s))), s...)
		}
		all = append(all, input{name: "TTHeader", bytes: ttheader(ttheaderFields{info: kitex}, ping)})
	}
	all = append(all,
		input{name: "HTTP, one of 8 MiB", bytes: []byte(post + "A: " + strings.Repeat("x", 8<<20) + "\r\n\r\n")},
		input{name: "HTTP, 100,000", bytes: []byte(post + lines(100_000, "A%d: x\r\n") + "\r\n")},
		input{name: "HTTP, one name 100,000 times", bytes: []byte(post + lines(100_000, "A: %d\r\n") + "\r\n")},
		input{name: "HTTP, of no end", bytes: []byte(post + lines(100_000, "A%d: x\r\n"))},
		input{name: "HTTP, a path of 8 MiB", bytes: []byte("GET /" + strings.Repeat("x", 8<<20) + " HTTP/1.1\r\nHost: a\r\n\r\n")},
		input{name: "HTTP, trailers", bytes: []byte(post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + lines(100_000, "A%d: x\r\n") + "\r\n")},
		input{name: "HTTP, extensions of chunks", bytes: []byte(post + "Transfer-Encoding: chunked\r\n\r\n" + lines(100_000, "1;a%d=x\r\ny\r\n") + "0\r\n\r\n")},
		input{name: "HTTP/2, CONTINUATION", bytes: continuations(10_000)},
		input{name: "HTTP/2, streams that are reset", bytes: resets(10_000)},
		input{name: "HTTP/2, SETTINGS", bytes: settings(10_000)},
	)
	rounds := 20
	if x.Short {
		rounds = 3
	}
	for range rounds {
		x.throwAll(x.Guarded.Addr, all)
	}
	return x.ctx.Err()
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame2 is a frame of HTTP/2 (RFC 9113, section 4.1).
func frame2(b []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// continuations begins a request whose headers have no end.
func continuations(n int) []byte {
	b := frame2([]byte(preface), 4, 0, 0, nil)
	b = frame2(b, 1, 0, 1, []byte{0x83, 0x86, 0x84})
	for i := range n {
		b = frame2(b, 9, 0, 1, fmt.Appendf(nil, "\x00\x07a%06d\x01v", i))
	}
	return b
}

// resets begins requests and ends them at once.
func resets(n int) []byte {
	b := frame2([]byte(preface), 4, 0, 0, nil)
	for i := range n {
		stream := uint32(2*i + 1)
		b = frame2(b, 1, 4, stream, []byte{0x83, 0x86, 0x84, 0x01, 1, 'a'})
		b = frame2(b, 3, 0, stream, []byte{0, 0, 0, 8})
	}
	return b
}

// settings asks for as many acknowledgements.
func settings(n int) []byte {
	b := []byte(preface)
	for range n {
		b = frame2(b, 4, 0, 0, []byte{0, 3, 0, 0, 0, 1})
	}
	return b
}

// origins asks for admin pages as pages of other origins make browsers do (CSRF), also by names that lead to the server (DNS rebinding).
func origins(x *run) error {
	own := "Host: " + x.Guarded.Admin + "\r\n"
	const cross = "Sec-Fetch-Site: cross-site\r\n"
	var paths []string
	for _, page := range []string{"status", "calls", "errors", "connections", "settings", "vars", "profiles", "metrics", "debug/pprof/heap?debug=1", "debug/pprof/profile?seconds=1"} {
		paths = append(paths, "/"+page)
	}
	done, err := x.watch()
	if err != nil {
		return err
	}
	for _, path := range paths {
		for what, request := range map[string]string{
			"DNS rebinding":               "GET " + path + " HTTP/1.1\r\nHost: evil.example:80\r\n",
			"DNS rebinding, with a dot":   "GET " + path + " HTTP/1.1\r\nHost: localhost.evil.example.\r\n",
			"an address in a name":        "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1.nip.io\r\n",
			"another host in the line":    "GET http://evil.example" + path + " HTTP/1.1\r\n" + own,
			"no host":                     "GET " + path + " HTTP/1.0\r\n",
			"two hosts":                   "GET " + path + " HTTP/1.1\r\n" + own + "Host: evil.example\r\n",
			"fetch from another origin":   "GET " + path + " HTTP/1.1\r\n" + own + "Origin: https://evil.example\r\n" + cross,
			"fetch without CORS":          "GET " + path + " HTTP/1.1\r\n" + own + cross + "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
			"a frame":                     "GET " + path + " HTTP/1.1\r\n" + own + cross + "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
			"another port of the machine": "GET " + path + " HTTP/1.1\r\n" + own + "Origin: http://127.0.0.1:1\r\nSec-Fetch-Site: same-site\r\n",
			"the origin null":             "GET " + path + " HTTP/1.1\r\n" + own + "Origin: null\r\n",
			"a form":                      "POST " + path + " HTTP/1.1\r\n" + own + "Origin: https://evil.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 22\r\n",
			"a form without an origin":    "POST " + path + " HTTP/1.1\r\n" + own + "Content-Type: text/plain\r\nContent-Length: 22\r\n",
			"a question before a request": "OPTIONS " + path + " HTTP/1.1\r\n" + own + "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n",
			"DELETE":                      "DELETE " + path + " HTTP/1.1\r\n" + own,
		} {
			x.inputs.Add(1)
			if err := x.refusedPage(request, path); err != nil {
				x.fault("%s of %s: %v", what, path, err)
			}
		}
	}
	if _, err := x.page("/status"); err != nil {
		return err
	}
	return done(0)
}

// refusedPage sends a request to the admin pages, which must be refused.
func (x *run) refusedPage(request, path string) error {
	nc, err := x.dial(x.Guarded.Admin)
	if err != nil {
		return err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(nc, request+"\r\nname=MaxCalls&value=1&")
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			return fmt.Errorf("the answer has %s", name)
		}
	}
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode < 400 || resp.StatusCode >= 500 || len(body) > 200 {
		return fmt.Errorf("status %d with %d bytes for %s", resp.StatusCode, len(body), path)
	}
	return err
}
