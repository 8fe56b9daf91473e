// Package gonames has the Go names for names of the IDL.
package gonames

import "strings"

// initialisms are words that Go writes in capitals, where they stand between underscores.
var initialisms = map[string]bool{
	"api": true, "ascii": true, "cpu": true, "css": true, "db": true, "dns": true, "eof": true, "guid": true, "html": true,
	"http": true, "https": true, "id": true, "ip": true, "json": true, "os": true, "qps": true, "ram": true, "rpc": true,
	"sql": true, "ssh": true, "tcp": true, "tls": true, "ttl": true, "udp": true, "ui": true, "uid": true, "uri": true,
	"url": true, "utf8": true, "uuid": true, "vm": true, "xml": true,
}

// Export returns the Go name of what the IDL calls name: the words between underscores, each with
// a capital in front, together.
func Export(name string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !IsLetter(r) && !IsDigit(r) }) {
		if initialisms[word] {
			b.WriteString(strings.ToUpper(word))
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	if s := b.String(); s != "" && IsLetter(rune(s[0])) {
		return s
	}
	return "X" + b.String()
}

// IsLetter reports whether r is a letter of ASCII.
func IsLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// IsDigit reports whether r is a digit of ASCII.
func IsDigit(r rune) bool { return '0' <= r && r <= '9' }
