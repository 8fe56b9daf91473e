// Package jwt verifies bearer tokens that are JSON Web Tokens (RFC 7519) with signatures of RSA, ECDSA or Ed25519, for package govern/auth.
//
//	keys, err := jwt.FetchKeys(ctx, "https://login.example/keys", jwt.FetchOptions{})
//	verify, err := jwt.New(jwt.Options{Keys: keys, Issuer: "https://login.example", Audience: "shop"})
//	guard := auth.NewGuard(policy, auth.GuardOptions{Verifiers: []auth.Verifier{verify}})
//
// What a verifier accepts follows RFC 8725: a list of algorithms, of which neither "none" nor those with shared secrets can be one, keys of
// the kind that the algorithm needs, the issuer, the audience, and a token that expires. Keys and addresses of keys that a token brings itself are
// not looked at. For tokens with shared secrets there is auth.HMAC.
package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/thriftkit/thriftkit/govern/auth"
)

// Options say which tokens [New] accepts.
type Options struct {
	// Keys are those of the issuer.
	Keys *Keys

	// Issuer must be the "iss" of a token, and Audience among its "aud". Both must be set; AnyAudience accepts tokens for others.
	Issuer      string
	Audience    string
	AnyAudience bool

	// Algorithms are the values of "alg" that are accepted: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA;
	// nil means RS256, ES256 and EdDSA.
	Algorithms []string

	// Leeway is how much the clocks of those who sign and those who verify may differ; 0 means 30 seconds, negative nothing.
	Leeway time.Duration

	// Subject returns the name of the principal, "token:NAME" in rules, or an error if the token is not accepted. nil takes "sub".
	Subject func(claims map[string]any) (string, error)
}

// maxToken is how long a token may be, in bytes: what [auth.Guard] passes on as well.
const maxToken = 8 << 10

// fits has the algorithms, and which keys they need.
var fits = map[string]func(key any) bool{
	"RS256": isRSA, "RS384": isRSA, "RS512": isRSA, "PS256": isRSA, "PS384": isRSA, "PS512": isRSA,
	"ES256": onCurve(elliptic.P256()), "ES384": onCurve(elliptic.P384()), "ES512": onCurve(elliptic.P521()),
	"EdDSA": func(key any) bool { _, ok := key.(ed25519.PublicKey); return ok },
}

func isRSA(key any) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() >= 2048 // RFC 7518, section 3.3
}

func onCurve(curve elliptic.Curve) func(any) bool {
	return func(key any) bool {
		k, ok := key.(*ecdsa.PublicKey)
		return ok && k.Curve == curve
	}
}

// New returns a verifier. The error is about the options.
func New(opts Options) (auth.Verifier, error) {
	switch {
	case opts.Keys == nil:
		return nil, errors.New("jwt: Keys is nil")
	case opts.Issuer == "":
		return nil, errors.New("jwt: the Issuer is not set: the tokens of everybody who has one of the keys would be accepted")
	case opts.Audience == "" && !opts.AnyAudience:
		return nil, errors.New("jwt: the Audience is not set: tokens for other services would be accepted (AnyAudience accepts them)")
	}
	v := &verifier{opts: opts}
	names := opts.Algorithms
	if names == nil {
		names = []string{"RS256", "ES256", "EdDSA"}
	}
	for _, name := range names {
		if fits[name] == nil {
			return nil, fmt.Errorf("jwt: algorithm %q is not one of public keys: want RS256, PS256, ES256, with 384 or 512, or EdDSA", name)
		}
		v.algorithms = append(v.algorithms, jose.SignatureAlgorithm(name))
	}
	if len(v.algorithms) == 0 {
		return nil, errors.New("jwt: no algorithm is accepted")
	}
	switch {
	case opts.Leeway == 0:
		v.opts.Leeway = 30 * time.Second
	case opts.Leeway < 0:
		v.opts.Leeway = 0
	}
	return v.verify, nil
}

type verifier struct {
	opts       Options
	algorithms []jose.SignatureAlgorithm
}

func (v *verifier) verify(ctx context.Context, token string) (subject string, err error) {
	if len(token) > maxToken {
		return "", fmt.Errorf("jwt: the token has %d bytes, more than %d", len(token), maxToken)
	}
	t, err := jwt.ParseSigned(token, v.algorithms)
	if err != nil {
		return "", fmt.Errorf("jwt: %w", err)
	}
	if len(t.Headers) != 1 {
		return "", errors.New("jwt: the token has not one signature")
	}
	h := t.Headers[0]
	keys, err := v.opts.Keys.find(ctx, h.KeyID, h.Algorithm)
	if err != nil {
		return "", err
	}
	var claims jwt.Claims
	var all map[string]any
	verified := slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool {
		err = t.Claims(k.Key, &claims, &all)
		return err == nil
	})
	if !verified {
		return "", fmt.Errorf("jwt: %w", err)
	}
	if claims.Expiry == nil {
		return "", errors.New("jwt: the token never expires")
	}
	expected := jwt.Expected{Issuer: v.opts.Issuer, Time: time.Now()}
	if !v.opts.AnyAudience {
		expected.AnyAudience = jwt.Audience{v.opts.Audience}
	}
	if err := claims.ValidateWithLeeway(expected, v.opts.Leeway); err != nil {
		return "", fmt.Errorf("jwt: %w", err)
	}
	if v.opts.Subject != nil {
		return v.opts.Subject(all)
	}
	if claims.Subject == "" {
		return "", errors.New("jwt: the token has no subject")
	}
	return claims.Subject, nil
}
