package detect

import "bytes"

// foreign are other protocols' first bytes, for error messages: whoever connects to the wrong
// port should learn it.
var foreign = []struct {
	start string
	name  string
}{
	{"\x16\x03", "TLS"},
	{"SSH-", "SSH"},
	{"PROXY ", "the PROXY protocol"},
	{"\r\n\r\n\x00\r\nQ", "the PROXY protocol"},
	{"PRI * HT", "HTTP/2"},
	{"\x08", "rpcx"},
	{"\xda\xbb", "Dubbo"},
	{"\xf1\xf1", "Motan"},
	{"*", "Redis"},
}

// Foreign returns which other protocol a connection seems to speak that starts with b, of which
// Bytes knows no dialect; "" if it is not known either.
func Foreign(b []byte) string {
	for _, f := range foreign {
		if bytes.HasPrefix(b, []byte(f.start)) {
			return f.name
		}
	}
	return ""
}
