package msgio

import "bytes"

// requestStarts is how requests of HTTP begin: RFC 9110, section 9.1, RFC 5789, and the
// preface of HTTP/2, RFC 9113, section 3.4.
var requestStarts = [][]byte{
	[]byte("POST "), []byte("GET "), []byte("HEAD "), []byte("PUT "), []byte("DELETE "), []byte("OPTIONS "),
	[]byte("PATCH "), []byte("TRACE "), []byte("CONNECT "), []byte("PRI * HT"),
}

// IsHTTP reports whether the first bytes of a connection, at least 8, begin a request of HTTP.
// No message of Thrift does, because the 4 bytes would be a length above a gigabyte.
func IsHTTP(first []byte) bool {
	for _, start := range requestStarts {
		if bytes.HasPrefix(first, start) {
			return true
		}
	}
	return false
}

// IsHTTP2 reports whether what IsHTTP says is a request begins HTTP/2.
func IsHTTP2(first []byte) bool { return bytes.HasPrefix(first, []byte("PRI ")) }

// MayBeHTTP reports whether what begins with first may turn out to be a request of HTTP when more bytes
// come.
func MayBeHTTP(first []byte) bool {
	for _, start := range requestStarts {
		if bytes.HasPrefix(start, first) || bytes.HasPrefix(first, start) {
			return true
		}
	}
	return false
}
