package call

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/thriftkit/thriftkit/bench/internal/payload"
)

// dialHTTP has a connection for each caller, which posts the JSON of a Login. It is a client that costs as little as can be: it sends the same
// bytes each time, and of answers it reads the status, the length and whether the body has the username.
func dialHTTP(path, before, after string) func(Spec) (*session, error) {
	return func(s Spec) (*session, error) {
		v := payload.NewLogin()
		body := fmt.Sprintf(`%s{"username":%q,"password":%q}%s`, before, v.Username, v.Password, after)
		request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, s.Addr, len(body), body)
		want := []byte(strconv.Quote(v.Username))
		var conns []io.Closer
		callers, err := each(s.Callers, func(int) (caller, error) {
			conn, err := net.Dial("tcp", s.Addr)
			if err != nil {
				return nil, err
			}
			conns = append(conns, conn)
			r := bufio.NewReader(conn)
			return func() error {
				if _, err := conn.Write(request); err != nil {
					return err
				}
				body, err := readAnswer(r)
				if err == nil && !bytes.Contains(body, want) {
					err = fmt.Errorf("the answer is %q", body)
				}
				return err
			}, nil
		})
		return &session{callers: callers, close: closeAll(&conns)}, err
	}
}

// readAnswer reads a response with a Content-Length and returns its body, which is valid until the next read.
func readAnswer(r *bufio.Reader) ([]byte, error) {
	length := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")):
			return nil, fmt.Errorf("the answer begins with %q", line)
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return nil, err
			}
		case len(name) == 0 && length < 0:
			return nil, errors.New("the answer has no Content-Length")
		case len(name) == 0:
			body, err := r.Peek(length)
			if err == nil {
				_, err = r.Discard(length)
			}
			return body, err
		}
	}
}
