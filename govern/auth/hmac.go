package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HMACOptions say which tokens [HMAC] accepts and [SignHMAC] makes.
type HMACOptions struct {
	// Keys are secrets of 32 bytes or more. The first one signs; all are accepted, so that keys can be changed one after the other.
	Keys [][]byte

	// Audience, if it is not "", must be among those of a token.
	Audience string

	// Leeway is how much the clocks of those who sign and those who verify may differ; 0 means 30 seconds, negative nothing.
	Leeway time.Duration
}

// minKey is the length of a key for HS256, RFC 7518, section 3.2.
const minKey = 32

func (o HMACOptions) check() error {
	if len(o.Keys) == 0 {
		return errors.New("auth: there is no key")
	}
	for i, k := range o.Keys {
		if len(k) < minKey {
			return fmt.Errorf("auth: key %d has %d bytes, want %d or more", i, len(k), minKey)
		}
	}
	return nil
}

// claims are those of RFC 7519, section 4.1, that matter here.
type claims struct {
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud,omitempty"`
	Expires   *float64 `json:"exp,omitempty"`
	NotBefore *float64 `json:"nbf,omitempty"`
}

// An audience is one string or a list of them.
type audience []string

// UnmarshalJSON implements [json.Unmarshaler].
func (a *audience) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte{'"'}) {
		*a = make(audience, 1)
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// HMAC returns a verifier of JSON Web Tokens (RFC 7519) that are signed with HMAC-SHA256 (HS256), with no other algorithm. A token must
// have a subject and must expire. The error is about the keys.
func HMAC(opts HMACOptions) (Verifier, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	switch {
	case opts.Leeway == 0:
		opts.Leeway = 30 * time.Second
	case opts.Leeway < 0:
		opts.Leeway = 0
	}
	return func(_ context.Context, token string) (string, error) { return opts.verify(token) }, nil
}

func (o HMACOptions) verify(token string) (subject string, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("auth: no JSON Web Token")
	}
	var header struct {
		Algorithm string          `json:"alg"`
		Critical  json.RawMessage `json:"crit"`
	}
	if err := decodePart(parts[0], &header); err != nil {
		return "", err
	}
	if header.Algorithm != "HS256" || header.Critical != nil {
		return "", fmt.Errorf("auth: the algorithm %.20q, or an extension, is not accepted", header.Algorithm)
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return "", fmt.Errorf("auth: signature: %w", err)
	}
	signed := token[:len(parts[0])+1+len(parts[1])]
	if !slices.ContainsFunc(o.Keys, func(key []byte) bool { return hmac.Equal(sum, sign(key, signed)) }) {
		return "", errors.New("auth: wrong signature")
	}
	var c claims
	if err := decodePart(parts[1], &c); err != nil {
		return "", err
	}
	now := float64(time.Now().UnixMilli()) / 1e3
	leeway := o.Leeway.Seconds()
	switch {
	case c.Subject == "":
		return "", errors.New("auth: the token has no subject")
	case c.Expires == nil || now >= *c.Expires+leeway:
		return "", errors.New("auth: the token has expired, or never does")
	case c.NotBefore != nil && now < *c.NotBefore-leeway:
		return "", errors.New("auth: the token is not valid yet")
	case o.Audience != "" && !slices.Contains(c.Audience, o.Audience):
		return "", errors.New("auth: the token is for others")
	}
	return c.Subject, nil
}

func decodePart(part string, v any) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("auth: no JSON Web Token: %w", err)
	}
	return nil
}

func sign(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// SignHMAC returns a token of the subject that [HMAC] with the same options accepts for the time life.
func SignHMAC(opts HMACOptions, subject string, life time.Duration) (string, error) {
	if err := opts.check(); err != nil {
		return "", err
	}
	if subject == "" {
		return "", errors.New("auth: the subject is empty")
	}
	expires := float64(time.Now().Add(life).Unix())
	c := claims{Subject: subject, Expires: &expires}
	if opts.Audience != "" {
		c.Audience = audience{opts.Audience}
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	return signed + "." + encode(sign(opts.Keys[0], signed)), nil
}
