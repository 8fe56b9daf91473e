package msgio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/thriftkit/thriftkit/wire"
)

// lineSplitter is a protocol whose messages end with a newline; '!' cannot be understood.
type lineSplitter struct{ seen int }

func (s *lineSplitter) Split(buf []byte) (n, need int, err error) {
	for ; s.seen < len(buf); s.seen++ {
		switch buf[s.seen] {
		case '\n':
			n, s.seen = s.seen+1, 0
			return n, 0, nil
		case '!':
			return 0, 0, wire.Errorf(s.seen, wire.ErrInvalid, "!")
		}
	}
	return 0, len(buf) + 1, nil
}

func newReader(f wire.Framing, r io.Reader, maxBytes int) *Reader {
	reader := NewReader(r, maxBytes)
	reader.Start(f, new(lineSplitter))
	return reader
}

func frame(body string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + body
}

// TestRecv reads the same messages however the stream comes in pieces.
func TestRecv(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var bodies []string
	for _, n := range []int{1, 0, 10, 1023, 1024, 1025, 5, 32<<10 - 1, 32 << 10, 70_000, 3, 200_000, 1} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + random.IntN(26))
		}
		bodies = append(bodies, string(b)+"\n")
	}
	for _, f := range []wire.Framing{wire.Buffered, wire.Framed} {
		var stream strings.Builder
		for _, b := range bodies {
			if f == wire.Framed {
				stream.WriteString("\x00\x00\x00\x00") // an empty frame means nothing
				b = frame(b)
			}
			stream.WriteString(b)
		}
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"at once":           func(r io.Reader) io.Reader { return r },
			"byte by byte":      iotest.OneByteReader,
			"halves":            iotest.HalfReader,
			"data with the end": iotest.DataErrReader,
			"random pieces":     func(r io.Reader) io.Reader { return &pieceReader{r: r, random: random} },
			"nothing at times":  func(r io.Reader) io.Reader { return &lazyReader{r: r} },
		} {
			r := newReader(f, wrap(strings.NewReader(stream.String())), 1<<20)
			var got [][]byte
			var err error
			for {
				var msg []byte
				if msg, err = r.Recv(); err != nil {
					break
				}
				got = append(got, msg)
			}
			if err != io.EOF || len(got) != len(bodies) {
				t.Fatalf("%v, %s: %d messages, %v", f, name, len(got), err)
			}
			// Only now: later reads must not have written to messages handed out before.
			for i, b := range bodies {
				if string(got[i]) != b {
					t.Errorf("%v, %s: message %d is not what was sent", f, name, i)
				}
				if cap(got[i]) != len(got[i]) {
					t.Errorf("%v, %s: an append to message %d would write into the next", f, name, i)
				}
			}
		}
	}
}

type pieceReader struct {
	r      io.Reader
	random *rand.Rand
}

func (p *pieceReader) Read(b []byte) (int, error) {
	return p.r.Read(b[:min(len(b), 1+p.random.IntN(3000))])
}

// lazyReader reads nothing every other time, as io.Reader allows.
type lazyReader struct {
	r    io.Reader
	idle bool
}

func (l *lazyReader) Read(b []byte) (int, error) {
	if l.idle = !l.idle; l.idle {
		return 0, nil
	}
	return l.r.Read(b)
}

func TestRecvErrors(t *testing.T) {
	tests := []struct {
		name    string
		framing wire.Framing
		stream  string
		good    int // messages in front of the error
		err     string
		is      error
	}{
		{"buffered: end between messages", wire.Buffered, "a\nb\n", 2, "EOF", io.EOF},
		{"buffered: nothing", wire.Buffered, "", 0, "EOF", io.EOF},
		{"buffered: end inside", wire.Buffered, "a\nb", 1, "unexpected EOF", io.ErrUnexpectedEOF},
		{"buffered: not understood", wire.Buffered, "a\nbc!", 1, "at byte 2: invalid data: !", wire.ErrInvalid},
		{"framed: end between messages", wire.Framed, frame("a") + frame("b"), 2, "EOF", io.EOF},
		{"framed: end behind an empty frame", wire.Framed, frame("a") + frame(""), 1, "EOF", io.EOF},
		{"framed: end inside of the length", wire.Framed, frame("a") + "\x00\x00", 1, "unexpected EOF", io.ErrUnexpectedEOF},
		{"framed: end behind the length", wire.Framed, "\x00\x00\x00\x01", 0, "unexpected EOF", io.ErrUnexpectedEOF},
		{"framed: end inside of the message", wire.Framed, frame("abc")[:6], 0, "unexpected EOF", io.ErrUnexpectedEOF},
		{"framed: at the limit", wire.Framed, frame(strings.Repeat("a", 100)), 1, "EOF", io.EOF},
		{"framed: above the limit", wire.Framed, frame("a") + frame(strings.Repeat("a", 101)), 1, "at byte 0: too large: frame of 101 bytes, at most 100 are accepted", wire.ErrTooLarge},
		{"framed: negative", wire.Framed, "\x80\x01\x00\x01", 0, "at byte 0: invalid data: frame of -2147418111 bytes", wire.ErrInvalid},
		{"framed: the largest", wire.Framed, "\x7f\xff\xff\xff", 0, "at byte 0: too large: frame of 2147483647 bytes, at most 100 are accepted", wire.ErrTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newReader(test.framing, strings.NewReader(test.stream), 100)
			for range test.good {
				if _, err := r.Recv(); err != nil {
					t.Fatal(err)
				}
			}
			if msg, err := r.Recv(); err == nil || err.Error() != test.err || !errors.Is(err, test.is) || msg != nil {
				t.Errorf("%q, %v; want %s", msg, err, test.err)
			}
		})
	}
}

// TestRecvTimeout resumes after a timeout at every byte of the stream.
func TestRecvTimeout(t *testing.T) {
	for f, stream := range map[wire.Framing]string{wire.Buffered: "hello\nworld\n", wire.Framed: frame("hello\n") + frame("world\n")} {
		r := newReader(f, &timeoutReader{r: strings.NewReader(stream)}, 100)
		var got []string
		timeouts := 0
		for len(got) < 2 {
			msg, err := r.Recv()
			switch {
			case err == nil:
				got = append(got, string(msg))
			case IsTimeout(err):
				timeouts++
			default:
				t.Fatal(err)
			}
		}
		if strings.Join(got, "") != "hello\nworld\n" || timeouts != len(stream) {
			t.Errorf("%v: %q, %d timeouts", f, got, timeouts)
		}
	}
	if IsTimeout(io.EOF) || IsTimeout(nil) {
		t.Error("not every error is a timeout")
	}
}

// timeoutReader times out in front of every byte.
type timeoutReader struct {
	r    io.Reader
	late bool
}

func (r *timeoutReader) Read(b []byte) (int, error) {
	if r.late = !r.late; r.late {
		return 0, os.ErrDeadlineExceeded
	}
	return r.r.Read(b[:1])
}

func TestPeek(t *testing.T) {
	r := newReader(wire.Buffered, iotest.OneByteReader(strings.NewReader("abc\nd")), 100)
	for _, n := range []int{2, 4, 1, 0} {
		if b, err := r.Peek(n); err != nil || string(b) != "abc\n"[:n] {
			t.Fatalf("Peek(%d): %q, %v", n, b, err)
		}
	}
	if msg, err := r.Recv(); err != nil || string(msg) != "abc\n" {
		t.Fatalf("%q, %v", msg, err)
	}
	if b, err := r.Peek(3); err != io.EOF || string(b) != "d" || r.Unread() != 1 {
		t.Errorf("%q, %v", b, err)
	}
}

func TestNoProgress(t *testing.T) {
	r := newReader(wire.Framed, idleReader{}, 100)
	if _, err := r.Recv(); err != io.ErrNoProgress {
		t.Error(err)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// TestClaims announces much and sends little: less, and more, than the first chunk.
func TestClaims(t *testing.T) {
	const claimed = 16 << 20
	for _, sent := range []int{10, 1000, 5000} {
		stream := append(binary.BigEndian.AppendUint32(nil, claimed), make([]byte, sent)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := newReader(wire.Framed, bytes.NewReader(stream), claimed).Recv()
		runtime.ReadMemStats(&after)
		if err != io.ErrUnexpectedEOF {
			t.Error(err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 256<<10 {
			t.Errorf("%d bytes were allocated for %d", n, len(stream))
		}
	}
}

// TestRecvLarge counts what is allocated for a message whose end nobody knows in advance.
func TestRecvLarge(t *testing.T) {
	const size = 1 << 20
	stream := strings.NewReader(strings.Repeat("a", size) + "\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := newReader(wire.Buffered, iotest.HalfReader(stream), 2*size).Recv()
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 6*size {
		t.Errorf("%d bytes were allocated for %d", n, size)
	}
}
