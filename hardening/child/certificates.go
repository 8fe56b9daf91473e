package child

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates writes to a folder what servers and clients need for TLS: ca.pem, and server.pem, server.key,
// client.pem, client.key, which the authority vouches for.
func Certificates(dir string) error {
	ca, signer, err := certificate(dir, "ca", nil, nil)
	if err != nil {
		return err
	}
	_, _, err1 := certificate(dir, "server", ca, signer)
	_, _, err2 := certificate(dir, "client", ca, signer)
	return errors.Join(err1, err2)
}

// Renew replaces the server's certificate by another one of the same authority.
func Renew(dir string) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	if err != nil {
		return err
	}
	_, _, err = certificate(dir, "server", pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey))
	return err
}

// certificate writes NAME.pem and NAME.key, signed by parent or, without one, by itself.
func certificate(dir, name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},

		BasicConstraintsValid: true,
	}
	if parent == nil {
		template.KeyUsage, template.ExtKeyUsage, template.IsCA = x509.KeyUsageCertSign, nil, true
		parent, signer = template, key
	}
	der, err1 := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	keyDER, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, errors.Join(err,
		replace(filepath.Join(dir, name+".key"), "PRIVATE KEY", keyDER),
		replace(filepath.Join(dir, name+".pem"), "CERTIFICATE", der))
}

// replace writes a file of PEM, which is there whole or not at all.
func replace(path, kind string, der []byte) error {
	next := path + ".next"
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
