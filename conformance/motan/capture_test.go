package motan_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/muxconn/muxtest"
	"github.com/thriftkit/thriftkit/x/motan"
)

// TestCapture finds all calls between motan-go's client and its server, neither of which knows of us.
func TestCapture(t *testing.T) {
	addr, _ := serveTheirs(t)
	svc := thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop")
	for name, more := range map[string]string{"plain": "", "gzip": "    mingzSize: 100\n"} {
		t.Run(name, func(t *testing.T) {
			var r muxtest.Recorder
			_, text, err := net.SplitHostPort(r.Serve(t, addr))
			if err != nil {
				t.Fatal(err)
			}
			port, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			c := dialTheirs(t, port, more)
			var got string
			if err := c.Call("greet", []any{"Ann"}, &got); err != nil {
				t.Fatal(err)
			}
			if err := c.Call("greet", []any{strings.Repeat("长", 1000)}, &got); err != nil {
				t.Fatal(err)
			}
			var names map[string]string
			if err := c.Call("echoNames", []any{map[string]string{"k": "值"}}, &names); err != nil {
				t.Fatal(err)
			}
			var long int64
			if err := c.Call("echoLong", []any{int64(-1 << 60)}, &long); err != nil {
				t.Fatal(err)
			}
			if c.Call("fail", []any{"x"}, &got) == nil || c.Call("nothing", nil, &got) == nil {
				t.Error("no error")
			}
			muxtest.Whole(t, motan.Capture(), svc, r.Chunks(), []string{
				`Shop.greet {"name":"Ann"} ok {"success":"你好, Ann"}`,
				`Shop.greet {"name":"长长…bytes ok {"success":"你好, 长长…`,
				`Shop.echoNames {"names":{"k":"值"}} ok {"success":{"k":"值"}}`,
				`Shop.echoLong {"n":-1152921504606846976} ok {"success":-1152921504606846976}`,
				`Shop.fail {"text":"x"} error … provider call panic`,
				`Shop.nothing {} error 1 unknown method: `,
			})
		})
	}
}
