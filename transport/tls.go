package transport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// TLSFiles are the PEM files of one side of TLS. Files that change are read again.
type TLSFiles struct {
	CA   string // authorities: a client checks the server against them, a server its clients
	Cert string // this side's certificate, with its chain
	Key  string // the certificate's key; may be in the same file

	// CRL has revocation lists of the issuers of the other side's certificates (RFC 5280, section 5): in PEM any number of them, in DER
	// one. A certificate that its issuer revoked is refused with a *[RevokedError], and so is every certificate of an issuer whose list
	// is out of date (nextUpdate) or not signed by it: who must not be trusted is not known then. Certificates of issuers without a list
	// in the file are accepted. Delta lists and those of single distribution points are not supported.
	CRL string
}

// ClientTLS returns the configuration for connecting to t, a target with TLS: base, which may be
// nil and is not changed, with what t says on top.
func (t Target) ClientTLS(base *tls.Config) (*tls.Config, error) {
	config := msgio.SecureTLS(base)
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(t.Address)
	}
	if t.ServerName != "" {
		config.ServerName = t.ServerName
	}
	if t.Files.CA != "" {
		pool, _, err := readCA(t.Files.CA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if t.Files.CRL != "" {
		if config.InsecureSkipVerify {
			return nil, errors.New("revocation lists are of no use where any certificate is accepted")
		}
		lists, err := readCRL(t.Files.CRL)
		if err != nil {
			return nil, err
		}
		lists.guard(config)
	}
	if t.Files.Cert != "" {
		cert, err := tls.LoadX509KeyPair(t.Files.Cert, t.Files.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return config, nil
}

// readCA reads a file of certificates of authorities.
func readCA(file string) (*x509.CertPool, []*x509.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, nil, fmt.Errorf("%s: no certificate in PEM form", file)
	}
	var list []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			list = append(list, cert)
		}
	}
	return pool, list, nil
}

// ServerTLS returns the configuration of a server with the certificate of files. With
// files.CA it takes only clients with a certificate of those authorities, with files.CRL none whose
// certificate was revoked. The files are looked
// at again once a second while connections come, and read again when they have changed; as
// long as the new ones cannot be read, the old ones are used.
func ServerTLS(files TLSFiles) (*tls.Config, error) {
	if files.CRL != "" && files.CA == "" {
		return nil, errors.New("revocation lists need the authorities of clients")
	}
	r := &reloader{files: files}
	if err := r.read(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.config(), nil },
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &r.config().Certificates[0], nil
		},
	}, nil
}

// reloader keeps the configuration of a server's files.
type reloader struct {
	files TLSFiles

	mu      sync.Mutex
	current *tls.Config
	stamp   [4]stamp
	looked  time.Time
}

// stamp tells one state of a file from another.
type stamp struct {
	size int64
	time time.Time
}

func (r *reloader) config() *tls.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.looked) > time.Second && r.stamps() != r.stamp {
		r.readLocked() // if it fails the old one stays, and the next look tries again
	}
	return r.current
}

func (r *reloader) read() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readLocked()
}

func (r *reloader) readLocked() error {
	r.looked = time.Now()
	stamps := r.stamps() // before the files: a change while they are read is seen the next time
	cert, err := tls.LoadX509KeyPair(r.files.Cert, r.files.Key)
	if err != nil {
		return err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if r.files.CA != "" {
		var authorities []*x509.Certificate
		if config.ClientCAs, authorities, err = readCA(r.files.CA); err != nil {
			return err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if r.files.CRL != "" {
			lists, err := readCRL(r.files.CRL)
			if err == nil {
				err = lists.checkAuthorities(authorities)
			}
			if err != nil {
				return err
			}
			lists.guard(config)
		}
	}
	r.current, r.stamp = config, stamps
	return nil
}

func (r *reloader) stamps() (s [4]stamp) {
	for i, file := range []string{r.files.CA, r.files.Cert, r.files.Key, r.files.CRL} {
		if info, err := os.Stat(file); err == nil {
			s[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return s
}
