// Package httpapi sends requests to the HTTP APIs of registries.
package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// MaxBody is how many bytes a response may have.
const MaxBody = 64 << 20

// A Client sends requests to the servers of an API. Its methods may be called by any number of goroutines.
type Client struct {
	HTTP    *http.Client
	servers []*url.URL
	current atomic.Uint32 // the server that answered last, counted on by each that did not
}

// New returns a client of servers, each of which is a URL, or host:port of a URL with scheme. With nil for client it uses
// [http.DefaultClient].
func New(scheme string, servers []string, client *http.Client) (*Client, error) {
	if client == nil {
		client = http.DefaultClient
	}
	c := &Client{HTTP: client}
	for _, s := range servers {
		if !strings.Contains(s, "://") {
			s = scheme + "://" + s
		}
		u, err := url.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("server %q: not a URL: %w", s, err.(*url.Error).Err)
		}
		if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("server %q: want host:port, http://host:port or https://host:port", s)
		}
		c.servers = append(c.servers, u)
	}
	if len(c.servers) == 0 {
		return nil, errors.New("no server is given: want host:port")
	}
	return c, nil
}

// Servers returns the servers of a target's URL, whose host has commas between them: by HTTPS if its scheme ends with "+https".
func Servers(u *url.URL) []string {
	scheme := "http://"
	if strings.HasSuffix(u.Scheme, "+https") {
		scheme = "https://"
	}
	all := strings.Split(u.Host, ",")
	for i := range all {
		all[i] = scheme + all[i]
	}
	return all
}

// A Request is what a [Client] sends.
type Request struct {
	Method string // "" is GET
	Path   string // escaped
	Query  url.Values
	Header http.Header
	Body   any        // sent as JSON, if not nil
	Form   url.Values // sent as a form, if not nil
}

// A StatusError is the answer of a server that is not a success.
type StatusError struct {
	Status  int
	Header  http.Header
	Message string // the beginning of the body
	url     string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s: %.300s", e.url, e.Status, http.StatusText(e.Status), e.Message)
}

// IsStatus reports whether err is a StatusError with one of the codes.
func IsStatus(err error, codes ...int) bool {
	var e *StatusError
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Status == code {
			return true
		}
	}
	return false
}

// Open sends a request to the server that answered last, and to the next one if it cannot be reached, until each was tried. The caller
// closes the body of the response. An answer that is not a success is a [*StatusError].
func (c *Client) Open(ctx context.Context, r Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return nil, err
		}
	} else if r.Form != nil {
		body = []byte(r.Form.Encode())
	}
	var last error
	for range c.servers {
		at := c.current.Load()
		resp, err := c.send(ctx, c.servers[int(at)%len(c.servers)], r, body)
		if err == nil {
			return resp, nil
		}
		if last = err; ctx.Err() != nil {
			break
		}
		if e := (*StatusError)(nil); errors.As(err, &e) && e.Status < 500 {
			break
		}
		c.current.CompareAndSwap(at, at+1)
	}
	return nil, last
}

func (c *Client) send(ctx context.Context, server *url.URL, r Request, body []byte) (*http.Response, error) {
	u := *server
	u.Path, u.RawPath = "", ""
	u.RawQuery = ""
	text := u.String() + strings.TrimSuffix(server.EscapedPath(), "/") + r.Path
	if q := r.Query.Encode(); q != "" {
		text += "?" + q
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, text, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	switch {
	case r.Body != nil:
		req.Header.Set("Content-Type", "application/json")
	case r.Form != nil:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) { // without the query, in which there may be tokens
			return nil, fmt.Errorf("%s%s: %w", server, r.Path, e.Err)
		}
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return nil, &StatusError{resp.StatusCode, resp.Header, strings.TrimSpace(string(text)), server.String() + r.Path}
	}
	return resp, nil
}

// Do sends a request as [Client.Open] does, and reads the whole answer. Where out is not nil the answer is JSON, which is read into it.
func (c *Client) Do(ctx context.Context, r Request, out any) (http.Header, error) {
	resp, err := c.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := ReadAll(resp)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return nil, fmt.Errorf("%s: the answer is not what the API has: %w: %.100q", r.Path, err, text)
	}
	return resp.Header, nil
}

// ReadAll reads an answer whole.
func ReadAll(resp *http.Response) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if err == nil && len(text) > MaxBody {
		err = fmt.Errorf("the answer has more than %d MiB", MaxBody>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", resp.Request.URL.Path, err)
	}
	return text, nil
}
