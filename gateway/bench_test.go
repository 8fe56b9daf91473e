package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/gateway"
)

// BenchmarkPost is a POST of a small message without the cost of HTTP itself.
func BenchmarkPost(b *testing.B) {
	const body = `{"item":{"id":9223372036854775807,"name":"a name","color":"GREEN"}}`
	for form, h := range handlers(b, gateway.Options{}) {
		b.Run(form, func(b *testing.B) {
			b.ReportAllocs()
			r, err := http.NewRequest("POST", "http://shop.test/Shop/echo", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.ContentLength = int64(len(body))
			text := strings.NewReader("")
			r.Body = closer{text}
			for b.Loop() {
				text.Reset(body)
				w := discard{make(http.Header, 4), 0}
				h.ServeHTTP(&w, r)
				if w.status != 200 {
					b.Fatal(w.status)
				}
			}
		})
	}
}

type closer struct{ *strings.Reader }

func (closer) Close() error { return nil }

// discard is a ResponseWriter that keeps the status alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
