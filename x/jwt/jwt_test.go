package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/thriftkit/thriftkit/x/jwt"
)

// sign returns a token of the claims.
func sign(t *testing.T, algorithm jose.SignatureAlgorithm, id string, key any, claims map[string]any) string {
	t.Helper()
	opts := new(jose.SignerOptions)
	if id != "" {
		opts.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(claims)
	signed, err := signer.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := signed.CompactSerialize()
	return text
}

func set(t *testing.T, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestVerify has tokens that are accepted, and those of attackers.
func TestVerify(t *testing.T) {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	edPublic, edKey, err4 := ed25519.GenerateKey(rand.Reader)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		t.Fatal(err1, err2, err3, err4)
	}
	public, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwt.ParseKeys(set(t,
		jose.JSONWebKey{KeyID: "r", Key: &rsaKey.PublicKey, Algorithm: "RS256", Use: "sig"}, jose.JSONWebKey{KeyID: "e", Key: &ecKey.PublicKey},
		jose.JSONWebKey{KeyID: "d", Key: edPublic}, jose.JSONWebKey{KeyID: "x", Key: &other.PublicKey, Use: "enc"}))
	if err != nil {
		t.Fatal(err)
	}
	verify, err := jwt.New(jwt.Options{Keys: keys, Issuer: "https://login", Audience: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	// claims returns those of a good token, with one replaced; nil leaves it out.
	claims := func(name string, value any) map[string]any {
		c := map[string]any{"iss": "https://login", "aud": []string{"bank", "shop"}, "sub": "ci", "exp": at(time.Minute), "iat": at(0)}
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	good := sign(t, jose.ES256, "e", ecKey, claims("nbf", at(0)))
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	header := func(text string) string { return encode([]byte(text)) }
	for _, tt := range []struct{ about, token, want string }{
		{"ECDSA", good, ""},
		{"RSA", sign(t, jose.RS256, "r", rsaKey, claims("aud", "shop")), ""},
		{"Ed25519", sign(t, jose.EdDSA, "d", edKey, claims("", nil)), ""},
		{"no key id, one key of that kind", sign(t, jose.RS256, "", rsaKey, claims("", nil)), ""},
		{"expired within the leeway", sign(t, jose.ES256, "e", ecKey, claims("exp", at(-10*time.Second))), ""},
		{"expired", sign(t, jose.ES256, "e", ecKey, claims("exp", at(-time.Minute))), "token is expired"},
		{"never expires", sign(t, jose.ES256, "e", ecKey, claims("exp", nil)), "the token never expires"},
		{"not yet valid", sign(t, jose.ES256, "e", ecKey, claims("nbf", at(time.Hour))), "not valid yet"},
		{"issued in the future", sign(t, jose.ES256, "e", ecKey, claims("iat", at(time.Hour))), "issued in the future"},
		{"another issuer", sign(t, jose.ES256, "e", ecKey, claims("iss", "https://evil")), "invalid issuer"},
		{"no issuer", sign(t, jose.ES256, "e", ecKey, claims("iss", nil)), "invalid issuer"},
		{"another audience", sign(t, jose.ES256, "e", ecKey, claims("aud", "bank")), "invalid audience"},
		{"no audience", sign(t, jose.ES256, "e", ecKey, claims("aud", nil)), "invalid audience"},
		{"no subject", sign(t, jose.ES256, "e", ecKey, claims("sub", nil)), "no subject"},
		{"exp as text", sign(t, jose.ES256, "e", ecKey, claims("exp", "tomorrow")), "expected number"},
		{"algorithm that is not in the list", sign(t, jose.PS256, "r", rsaKey, claims("", nil)), "unexpected signature algorithm"},
		{"none", header(`{"alg":"none","kid":"e"}`) + "." + parts[1] + ".", "unexpected signature algorithm"},
		{"nOnE", header(`{"alg":"nOnE","kid":"e"}`) + "." + parts[1] + ".", "unexpected signature algorithm"},
		{"HMAC with the public key of RSA", sign(t, jose.HS256, "r", public, claims("", nil)), "unexpected signature algorithm"},
		{"algorithm of another key", sign(t, jose.ES256, "r", ecKey, claims("", nil)), `no key "r" for ES256`},
		{"forged: another key", sign(t, jose.ES256, "e", other, claims("", nil)), "error in cryptographic primitive"},
		{"forged: other claims", parts[0] + "." + strings.Split(sign(t, jose.ES256, "e", ecKey, claims("sub", "root")), ".")[1] + "." + parts[2], "error in cryptographic primitive"},
		{"no signature", parts[0] + "." + parts[1] + ".", "error in cryptographic primitive"},
		{"signature of zeros", parts[0] + "." + parts[1] + "." + encode(make([]byte, 64)), "error in cryptographic primitive"},
		{"unknown key id", sign(t, jose.ES256, "f", ecKey, claims("", nil)), `no key "f" for ES256`},
		{"key for encryption", sign(t, jose.ES256, "x", other, claims("", nil)), `no key "x" for ES256`},
		{"critical extension", header(`{"alg":"ES256","kid":"e","crit":["x"],"x":1}`) + "." + parts[1] + "." + parts[2], "crit"},
		{"huge", parts[0] + "." + strings.Repeat("A", 1<<20) + "." + parts[2], "more than 8192"},
		{"four parts", good + ".x", "jwt: "},
		{"JSON", `{"payload":"x","signatures":[]}`, "jwt: "},
		{"nothing", "", "jwt: "},
	} {
		t.Run(tt.about, func(t *testing.T) {
			subject, err := verify(t.Context(), tt.token)
			switch {
			case tt.want == "" && (err != nil || subject != "ci"):
				t.Errorf("got %q, %v", subject, err)
			case tt.want != "" && (err == nil || subject != "" || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %q, %v, want %s", subject, err, tt.want)
			}
		})
	}
	for i := range len(good) { // cut anywhere it is refused
		if _, err := verify(t.Context(), good[:i]); err == nil {
			t.Fatalf("the first %d bytes are accepted", i)
		}
	}
	byMail, err := jwt.New(jwt.Options{Keys: keys, Issuer: "https://login", AnyAudience: true, Subject: func(c map[string]any) (string, error) { return c["mail"].(string), nil }})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := byMail(t.Context(), sign(t, jose.ES256, "e", ecKey, claims("mail", "a@b"))); err != nil || got != "a@b" {
		t.Errorf("%q, %v", got, err)
	}
	for want, opts := range map[string]jwt.Options{
		"Keys is nil":             {},
		"the Issuer is not set":   {Keys: keys},
		"the Audience is not set": {Keys: keys, Issuer: "i"},
		`algorithm "none"`:        {Keys: keys, Issuer: "i", Audience: "a", Algorithms: []string{"RS256", "none"}},
		`algorithm "HS256"`:       {Keys: keys, Issuer: "i", Audience: "a", Algorithms: []string{"HS256"}},
		"no algorithm":            {Keys: keys, Issuer: "i", Audience: "a", Algorithms: []string{}},
	} {
		if _, err := jwt.New(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestKeys has sets of keys that are refused, and those that change, in a file and at a server.
func TestKeys(t *testing.T) {
	old, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	next, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for text, want := range map[string]string{
		``:            "jwt: keys: ",
		`{"keys":[]}`: "jwt: there are no keys for signatures",
		string(set(t, jose.JSONWebKey{KeyID: "a", Key: old})):                     "jwt: key 0 is secret: want public keys",
		string(set(t, jose.JSONWebKey{KeyID: "a", Key: []byte("secret secret")})): "jwt: key 0 is secret: want public keys",
	} {
		if _, err := jwt.ParseKeys([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	sets := [][]byte{set(t, jose.JSONWebKey{KeyID: "old", Key: &old.PublicKey}), set(t, jose.JSONWebKey{KeyID: "next", Key: &next.PublicKey})}
	var reported atomic.Int64
	report := func(error) { reported.Add(1) }
	accepts := func(keys *jwt.Keys, id string, key *ecdsa.PrivateKey) bool {
		verify, err := jwt.New(jwt.Options{Keys: keys, Issuer: "i", Audience: "a"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = verify(t.Context(), sign(t, jose.ES256, id, key, map[string]any{"iss": "i", "aud": "a", "sub": "s", "exp": time.Now().Add(time.Hour).Unix()}))
		return err == nil
	}

	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(sets[0])
	keys, err := jwt.LoadKeys(path, report)
	if err != nil || !accepts(keys, "old", old) || accepts(keys, "next", next) {
		t.Fatalf("the file: %v", err)
	}
	write([]byte("{"))
	for end := time.Now().Add(time.Minute); reported.Load() == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if !accepts(keys, "old", old) {
			t.Fatal("a file with mistakes changes something")
		}
	}
	write(sets[1])
	for end := time.Now().Add(time.Minute); !accepts(keys, "next", next); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the file is not read again")
		}
	}
	if accepts(keys, "old", old) {
		t.Error("a key that was removed is still accepted")
	}
	if _, err := jwt.LoadKeys(path+"x", nil); err == nil {
		t.Error("there is no file")
	}

	var requests, current atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1); r.URL.Path {
		case "/keys":
			w.Write(sets[current.Load()])
		case "/huge":
			w.Write(make([]byte, 2<<20))
		case "/plain":
			http.Redirect(w, r, "http://"+r.Host+"/keys", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	ctx := context.Background()
	for path, want := range map[string]string{"/huge": "more than 1048576 bytes", "/plain": "not at an address of https", "/none": "404 Not Found"} {
		if _, err := jwt.FetchKeys(ctx, server.URL+path, jwt.FetchOptions{Client: server.Client()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if _, err := jwt.FetchKeys(ctx, "http://login/keys", jwt.FetchOptions{}); err == nil || !strings.Contains(err.Error(), "want the URL") {
		t.Errorf("keys by http: %v", err)
	}
	requests.Store(0)
	keys, err = jwt.FetchKeys(ctx, server.URL+"/keys", jwt.FetchOptions{Client: server.Client(), MinAge: time.Hour})
	if err != nil || !accepts(keys, "old", old) {
		t.Fatal(err)
	}
	for range 20 {
		accepts(keys, "made up", old)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("keys that nobody has caused %d requests", n-1)
	}
	keys, err = jwt.FetchKeys(ctx, server.URL+"/keys", jwt.FetchOptions{Client: server.Client(), MinAge: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	if current.Store(1); !accepts(keys, "next", next) || accepts(keys, "old", old) {
		t.Error("the keys are not fetched again for a key that is not known")
	}
}
