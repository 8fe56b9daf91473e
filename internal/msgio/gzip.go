package msgio

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// Bodies over HTTP may be compressed by gzip (RFC 9110, section 8.4.1.3). Limits are of what they become.

// MinGzip is how many bytes a body has at least that is compressed: a shorter one gets hardly shorter.
const MinGzip = 1 << 10

// ErrEncoding is the error for a body whose Content-Encoding nobody here knows; test with errors.Is.
var ErrEncoding = errors.New("unknown Content-Encoding")

// Decoded returns what a body becomes that has the header Content-Encoding encoding.
func Decoded(body io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		r, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return r, nil
	}
	return nil, fmt.Errorf("%w %.40q: there is gzip", ErrEncoding, encoding)
}

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is known
	return w
}}

// Gzip returns body compressed.
func Gzip(body []byte) []byte {
	var out bytes.Buffer
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	w.Reset(&out)
	w.Write(body) // a Buffer takes everything
	w.Close()
	return out.Bytes()
}

// AcceptsGzip reports whether the header Accept-Encoding of a request allows a reply by gzip (RFC 9110, section 12.5.3).
func AcceptsGzip(header string) bool {
	accepts := false
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return weight(params) > 0
		case "*":
			accepts = weight(params) > 0
		}
	}
	return accepts
}

// weight returns the q of an entry of Accept-Encoding.
func weight(params string) float64 {
	name, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return q
}
