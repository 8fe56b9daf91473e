package capture

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/thriftkit/thriftkit/capture/pcapfile"
)

// Secrets are the keys with which TLS connections are decrypted, by the random bytes with which a client begins each of them.
// TLS 1.2 and 1.3 with AES-GCM are decrypted; with ChaCha20-Poly1305, if NewChaCha20Poly1305 is set; nothing else.
type Secrets struct {
	// NewChaCha20Poly1305 returns the cipher for a key of 32 bytes (RFC 8439), which the standard library does not export:
	// chacha20poly1305.New of golang.org/x/crypto.
	NewChaCha20Poly1305 func(key []byte) (cipher.AEAD, error)

	keys map[secretKey][]byte
}

type secretKey struct {
	label  string
	random [32]byte
}

// The labels of a key log (draft-ietf-tls-keylogfile).
const (
	labelMaster          = "CLIENT_RANDOM" // TLS 1.2
	labelClientHandshake = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
	labelServerHandshake = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
	labelClient          = "CLIENT_TRAFFIC_SECRET_0"
	labelServer          = "SERVER_TRAFFIC_SECRET_0"
)

// ReadKeyLog reads the keys in r, in the form that programs write if the variable SSLKEYLOGFILE names a file
// (draft-ietf-tls-keylogfile). Lines that are no keys are an error, with their number; unknown labels are not.
func ReadKeyLog(r io.Reader) (*Secrets, error) {
	s := &Secrets{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if err := s.add(lines.Text()); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return s, lines.Err()
}

func (s *Secrets) add(line string) error {
	line, _, _ = strings.Cut(line, "#")
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	if len(words) != 3 {
		return fmt.Errorf("want LABEL RANDOM SECRET, got %d words", len(words))
	}
	random, err := hex.DecodeString(words[1])
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	secret, err := hex.DecodeString(words[2])
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	switch words[0] {
	case labelMaster, labelClientHandshake, labelServerHandshake, labelClient, labelServer:
		if len(random) != 32 {
			return fmt.Errorf("%s: want 32 random bytes, got %d", words[0], len(random))
		}
		if s.keys == nil {
			s.keys = make(map[secretKey][]byte)
		}
		s.keys[secretKey{words[0], [32]byte(random)}] = secret
	}
	return nil
}

// KeepSecrets has the keys for TLS that the rest of the file holds decrypt what a is given, along with Options.Secrets.
func (f *File) KeepSecrets(a *Assembler) {
	f.r.OnSecrets = func(kind uint32, data []byte) {
		if kind != pcapfile.SecretsTLS {
			return
		}
		if a.opts.Secrets == nil {
			a.opts.Secrets = &Secrets{}
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			_ = a.opts.Secrets.add(line) // one that is wrong decrypts nothing
		}
	}
}

// A tlsConn is what both directions of a TLS connection share.
type tlsConn struct {
	client       int // the half that began; -1: not known
	clientRandom [32]byte
	serverRandom [32]byte
	suite        uint16
	is13         bool
	hello        bool // of the server
	opaque       bool // there are no keys
}

// A tlsLayer decrypts one direction.
type tlsLayer struct {
	outer, inner *stream
	conn         *tlsConn
	buf          []byte
	handshake    []byte // of the message that is not complete
	keys         *tlsKeys
	established  bool // TLS 1.3: keys are those of the application
	dead         bool
}

// tlsKeys decrypt the records of one direction, one after the other.
type tlsKeys struct {
	aead   cipher.AEAD
	iv     []byte // 4 bytes before an explicit nonce, else 12
	seq    uint64
	secret []byte // TLS 1.3
}

func newTLSLayer(s *stream) layer {
	c := s.c
	if c.tls == nil {
		c.tls = &tlsConn{client: -1}
	}
	return &tlsLayer{outer: s, inner: s.sub("tls"), conn: c.tls}
}

const (
	recordCCS       = 20
	recordHandshake = 22
	recordData      = 23
	maxRecord       = 1<<14 + 2048
)

func (l *tlsLayer) end() {
	l.inner.end()
	l.inner.close()
}

func (l *tlsLayer) data(b []byte, m mark) {
	if l.dead {
		return
	}
	was := cap(l.buf)
	l.buf = append(l.buf, b...)
	used := 0
	for !l.dead && len(l.buf)-used >= 5 {
		r := l.buf[used:]
		n := int(binary.BigEndian.Uint16(r[3:]))
		if r[0] < recordCCS || r[0] > recordData+1 || r[1] != 3 || n > maxRecord {
			l.give()
			break
		}
		if len(r) < 5+n {
			break
		}
		l.record(r[0], r[:5], r[5:5+n], m)
		used += 5 + n
	}
	if l.dead {
		l.buf = nil
	} else {
		l.buf = l.buf[:copy(l.buf, l.buf[used:])]
	}
	l.outer.c.a.buffered += cap(l.buf) - was
}

// give gives the connection up.
func (l *tlsLayer) give() {
	l.dead = true
	if !l.conn.opaque {
		l.conn.opaque = true
		l.outer.c.a.counters.Encrypted++
	}
}

// gap gives up: records are numbered, and how many are missing is not known.
func (l *tlsLayer) gap(n int, m mark) {
	if l.dead {
		return
	}
	l.dead = true
	l.inner.gap(n, m)
}

func (l *tlsLayer) isClient() bool { return l.conn.client == l.outer.dir }

func (l *tlsLayer) record(kind byte, head, b []byte, m mark) {
	switch {
	case kind == recordCCS && !l.conn.is13 && l.conn.hello:
		if l.keys = l.keys12(); l.keys == nil {
			l.give()
		}
	case kind == recordCCS:
	case l.keys == nil && kind == recordHandshake:
		l.messages(b)
	case l.conn.is13 && kind == recordData:
		l.record13(head, b, m)
	case !l.conn.is13 && l.keys != nil:
		if plain, ok := l.keys.open12(kind, head, b); !ok {
			l.give()
		} else if kind == recordData {
			l.inner.data(plain, m)
		}
	}
}

// messages reads what is sent of the handshake in clear.
func (l *tlsLayer) messages(b []byte) {
	l.handshake = append(l.handshake, b...)
	for len(l.handshake) >= 4 {
		n := int(l.handshake[1])<<16 | int(binary.BigEndian.Uint16(l.handshake[2:]))
		if n > 1<<17 {
			l.give()
			return
		}
		if len(l.handshake) < 4+n {
			return
		}
		body := l.handshake[4 : 4+n]
		switch l.handshake[0] {
		case 1: // ClientHello
			if len(body) >= 34 {
				l.conn.client = l.outer.dir
				l.conn.clientRandom = [32]byte(body[2:])
			}
		case 2:
			l.serverHello(body)
		}
		l.handshake = l.handshake[4+n:]
	}
}

// retryRandom is the random of a ServerHello that asks for another ClientHello (RFC 8446, section 4.1.3).
var retryRandom = sha256.Sum256([]byte("HelloRetryRequest"))

func (l *tlsLayer) serverHello(b []byte) {
	if len(b) < 35 || len(b) < 35+int(b[34])+3 {
		return
	}
	random := [32]byte(b[2:])
	b = b[35+int(b[34]):]
	suite := binary.BigEndian.Uint16(b)
	b = b[3:]
	if random == retryRandom {
		return
	}
	l.conn.serverRandom, l.conn.suite, l.conn.hello = random, suite, true
	if l.conn.client < 0 {
		l.conn.client = 1 - l.outer.dir
	}
	if len(b) < 2 {
		return
	}
	for b = b[2:]; len(b) >= 4; {
		kind, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return
		}
		if kind == 43 && n == 2 && binary.BigEndian.Uint16(b[4:]) == 0x0304 {
			l.conn.is13 = true
		}
		b = b[4+n:]
	}
}

// A tlsSuite is how a connection is encrypted.
type tlsSuite struct {
	key    int // bytes
	chacha bool
	hash   func() hash.Hash
}

func suiteOf(id uint16) (tlsSuite, bool) {
	switch id {
	case 0x1301, 0x009c, 0x009e, 0xc02b, 0xc02f:
		return tlsSuite{16, false, sha256.New}, true
	case 0x1302, 0x009d, 0x009f, 0xc02c, 0xc030:
		return tlsSuite{32, false, sha512.New384}, true
	case 0x1303, 0xcca8, 0xcca9, 0xccaa:
		return tlsSuite{32, true, sha256.New}, true
	}
	return tlsSuite{}, false
}

func (l *tlsLayer) aead(suite tlsSuite, key []byte) cipher.AEAD {
	if suite.chacha {
		s := l.outer.c.a.opts.Secrets
		if s.NewChaCha20Poly1305 == nil {
			return nil
		}
		a, err := s.NewChaCha20Poly1305(key)
		if err != nil {
			return nil
		}
		return a
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	return a
}

func (l *tlsLayer) secret(label string) []byte {
	s := l.outer.c.a.opts.Secrets
	if s == nil {
		return nil
	}
	return s.keys[secretKey{label, l.conn.clientRandom}]
}

// keys12 returns the keys of TLS 1.2 (RFC 5246, section 6.3; RFC 5288; RFC 7905), nil if they are not known.
func (l *tlsLayer) keys12() *tlsKeys {
	master := l.secret(labelMaster)
	suite, ok := suiteOf(l.conn.suite)
	if master == nil || !ok {
		return nil
	}
	ivSize := 4
	if suite.chacha {
		ivSize = 12
	}
	block := prf12(suite.hash, master, "key expansion", append(l.conn.serverRandom[:], l.conn.clientRandom[:]...), 2*(suite.key+ivSize))
	key, iv := block[:suite.key], block[2*suite.key:2*suite.key+ivSize]
	if !l.isClient() {
		key, iv = block[suite.key:2*suite.key], block[2*suite.key+ivSize:]
	}
	a := l.aead(suite, key)
	if a == nil {
		return nil
	}
	return &tlsKeys{aead: a, iv: iv}
}

// prf12 is the pseudorandom function of TLS 1.2 (RFC 5246, section 5).
func prf12(h func() hash.Hash, secret []byte, label string, seed []byte, n int) []byte {
	seed = append([]byte(label), seed...)
	mac := func(parts ...[]byte) []byte {
		m := hmac.New(h, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	var out []byte
	for a := mac(seed); len(out) < n; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:n]
}

// open12 decrypts a record of TLS 1.2.
func (k *tlsKeys) open12(kind byte, head, b []byte) ([]byte, bool) {
	nonce := make([]byte, 12)
	if copy(nonce, k.iv) == 4 {
		if len(b) < 8 {
			return nil, false
		}
		copy(nonce[4:], b[:8])
		b = b[8:]
	} else {
		k.mask(nonce)
	}
	if len(b) < k.aead.Overhead() {
		return nil, false
	}
	extra := binary.BigEndian.AppendUint64(nil, k.seq)
	extra = append(extra, kind, head[1], head[2])
	extra = binary.BigEndian.AppendUint16(extra, uint16(len(b)-k.aead.Overhead()))
	plain, err := k.aead.Open(nil, nonce, b, extra)
	k.seq++
	return plain, err == nil
}

// mask puts the number of a record into its nonce.
func (k *tlsKeys) mask(nonce []byte) {
	for i := range 8 {
		nonce[11-i] ^= byte(k.seq >> (8 * i))
	}
}

// keys13 returns the keys of a traffic secret (RFC 8446, section 7.3), nil if it is not known.
func (l *tlsLayer) keys13(secret []byte) *tlsKeys {
	suite, ok := suiteOf(l.conn.suite)
	if secret == nil || !ok {
		return nil
	}
	key, err := expandLabel(suite.hash, secret, "key", suite.key)
	if err != nil {
		return nil
	}
	iv, err := expandLabel(suite.hash, secret, "iv", 12)
	if err != nil {
		return nil
	}
	a := l.aead(suite, key)
	if a == nil {
		return nil
	}
	return &tlsKeys{aead: a, iv: iv, secret: secret}
}

// expandLabel is HKDF-Expand-Label of RFC 8446, section 7.1, without a context.
func expandLabel(h func() hash.Hash, secret []byte, label string, n int) ([]byte, error) {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	return hkdf.Expand(h, secret, string(append(info, 0)), n)
}

// record13 decrypts a record of TLS 1.3 (RFC 8446, section 5.2).
func (l *tlsLayer) record13(head, b []byte, m mark) {
	hs, app := labelServerHandshake, labelServer
	if l.isClient() {
		hs, app = labelClientHandshake, labelClient
	}
	if l.keys == nil {
		if l.keys = l.keys13(l.secret(hs)); l.keys == nil {
			if l.keys, l.established = l.keys13(l.secret(app)), true; l.keys == nil {
				l.give()
				return
			}
		}
	}
	plain, ok := l.keys.open13(head, b)
	if !ok && !l.established {
		if keys := l.keys13(l.secret(app)); keys != nil {
			if plain, ok = keys.open13(head, b); ok {
				l.keys, l.established = keys, true
			}
		}
		if !ok {
			return // data that was sent before the handshake ended, with other keys
		}
	}
	if !ok {
		l.give()
		return
	}
	plain = bytes.TrimRight(plain, "\x00")
	if len(plain) == 0 {
		return
	}
	kind := plain[len(plain)-1]
	plain = plain[:len(plain)-1]
	switch kind {
	case recordData:
		l.inner.data(plain, m)
	case recordHandshake:
		l.messages13(plain, app)
	}
}

// messages13 looks for the messages after which keys change.
func (l *tlsLayer) messages13(b []byte, app string) {
	l.handshake = append(l.handshake, b...)
	for len(l.handshake) >= 4 {
		n := int(l.handshake[1])<<16 | int(binary.BigEndian.Uint16(l.handshake[2:]))
		if n > 1<<20 {
			l.give()
			return
		}
		if len(l.handshake) < 4+n {
			return
		}
		kind := l.handshake[0]
		l.handshake = l.handshake[4+n:]
		switch {
		case kind == 20 && !l.established: // Finished
			l.established = true
			if l.keys = l.keys13(l.secret(app)); l.keys == nil {
				l.give()
				return
			}
		case kind == 24 && l.established: // KeyUpdate
			suite, _ := suiteOf(l.conn.suite)
			next, err := expandLabel(suite.hash, l.keys.secret, "traffic upd", suite.hash().Size())
			if err != nil {
				l.give()
				return
			}
			l.keys = l.keys13(next)
		}
	}
}

func (k *tlsKeys) open13(head, b []byte) ([]byte, bool) {
	nonce := append([]byte(nil), k.iv...)
	k.mask(nonce)
	plain, err := k.aead.Open(nil, nonce, b, head)
	if err != nil {
		return nil, false
	}
	k.seq++
	return plain, true
}
