package transport

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"sync"
	"time"
)

// A RevokedError says why a certificate of the other side was refused because of the revocation lists in [TLSFiles]: it was revoked, or
// the list of its issuer cannot be relied on.
type RevokedError struct {
	Certificate *x509.Certificate
	Revoked     time.Time // when the issuer revoked it; zero if it did not
	Err         error     // what is wrong with the issuer's list; nil if the certificate was revoked
}

// Error names the certificate by its subject and serial number.
func (e *RevokedError) Error() string {
	name := fmt.Sprintf("certificate of %s (serial number %x)", e.Certificate.Subject, e.Certificate.SerialNumber)
	if e.Err != nil {
		return name + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s was revoked on %s", name, e.Revoked.UTC().Format(time.DateOnly))
}

// Unwrap returns e.Err.
func (e *RevokedError) Unwrap() error { return e.Err }

// revocations are the lists of one file (RFC 5280, section 5).
type revocations struct {
	file  string
	lists []*revocationList
}

type revocationList struct {
	*x509.RevocationList
	revoked map[string]time.Time // by serial number

	mu       sync.Mutex
	verified []byte // the issuer that was found to have signed it
}

// readCRL reads a file of revocation lists: in PEM any number, in DER one.
func readCRL(file string) (*revocations, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &revocations{file: file}
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		if err := r.add(data); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return r, nil
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "X509 CRL" {
			return nil, fmt.Errorf("%s: want blocks of PEM called X509 CRL, got one called %s", file, block.Type)
		}
		if err := r.add(block.Bytes); err != nil {
			return nil, fmt.Errorf("%s: list %d: %w", file, len(r.lists)+1, err)
		}
	}
	if len(bytes.TrimSpace(data)) > 0 || len(r.lists) == 0 { // a list that is cut off must not pass for none
		return nil, fmt.Errorf("%s: list %d: not PEM", file, len(r.lists)+1)
	}
	return r, nil
}

// The critical extensions that a list or an entry may have without a change of what it means.
var (
	oidNumber       = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidAuthorityKey = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidReason       = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidDelta        = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidPoint        = asn1.ObjectIdentifier{2, 5, 29, 28}
)

// add adds a list in DER.
func (r *revocations) add(der []byte) error {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return fmt.Errorf("not a revocation list: %w", err)
	}
	if err := checkCritical(list.Extensions); err != nil {
		return err
	}
	l := &revocationList{RevocationList: list, revoked: make(map[string]time.Time, len(list.RevokedCertificateEntries))}
	for _, e := range list.RevokedCertificateEntries {
		if err := checkCritical(e.Extensions); err != nil {
			return fmt.Errorf("entry of serial number %x: %w", e.SerialNumber, err)
		}
		l.revoked[serial(e.SerialNumber)] = e.RevocationTime
	}
	r.lists = append(r.lists, l)
	return nil
}

func serial(n *big.Int) string { return n.Text(62) }

// checkCritical returns an error for a critical extension that is not understood: such a list says nothing about a certificate
// (RFC 5280, section 5.2).
func checkCritical(extensions []pkix.Extension) error {
	for _, x := range extensions {
		switch {
		case !x.Critical || x.Id.Equal(oidNumber) || x.Id.Equal(oidAuthorityKey) || x.Id.Equal(oidReason):
		case x.Id.Equal(oidDelta):
			return errors.New("a delta list, which is not supported: use the complete one")
		case x.Id.Equal(oidPoint):
			return errors.New("a list of one distribution point, which is not supported: use the complete one")
		default:
			return fmt.Errorf("unknown critical extension %s", x.Id)
		}
	}
	return nil
}

// checkAuthorities returns an error if a list has the name of one of the authorities, and none of them signed it.
func (r *revocations) checkAuthorities(authorities []*x509.Certificate) error {
	for i, l := range r.lists {
		var bad error
		signed := false
		for _, ca := range authorities {
			if l.isOf(ca) {
				err := l.verify(ca)
				signed = signed || err == nil
				bad = err
			}
		}
		if bad != nil && !signed {
			return fmt.Errorf("%s: list %d: %w", r.file, i+1, bad)
		}
	}
	return nil
}

// isOf reports whether the list is that of an issuer, by its name and, if the list names one, its key.
func (l *revocationList) isOf(issuer *x509.Certificate) bool {
	return bytes.Equal(l.RawIssuer, issuer.RawSubject) &&
		(len(l.AuthorityKeyId) == 0 || len(issuer.SubjectKeyId) == 0 || bytes.Equal(l.AuthorityKeyId, issuer.SubjectKeyId))
}

// verify returns an error unless the issuer signed the list.
func (l *revocationList) verify(issuer *x509.Certificate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Equal(l.verified, issuer.Raw) {
		return nil
	}
	if err := l.CheckSignatureFrom(issuer); err != nil {
		if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
			err = errors.New("its certificate does not allow it to sign revocation lists (key usage cRLSign)")
		}
		return fmt.Errorf("the revocation list is not one of %s: %w", issuer.Subject, err)
	}
	l.verified = issuer.Raw
	return nil
}

// check returns a *RevokedError if each of the chains has a certificate that is not to be trusted at the time now. Certificates whose
// issuers have no list are trusted.
func (r *revocations) check(chains [][]*x509.Certificate, now time.Time) error {
	var first error
	for _, chain := range chains {
		err := r.checkChain(chain, now)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (r *revocations) checkChain(chain []*x509.Certificate, now time.Time) error {
	for i := range len(chain) - 1 {
		cert, issuer := chain[i], chain[i+1]
		for _, l := range r.lists {
			if !l.isOf(issuer) {
				continue
			}
			if err := l.verify(issuer); err != nil {
				return &RevokedError{Certificate: cert, Err: err}
			}
			if at, ok := l.revoked[serial(cert.SerialNumber)]; ok { // also by a list that is out of date
				return &RevokedError{Certificate: cert, Revoked: at}
			}
			switch {
			case now.Before(l.ThisUpdate):
				return &RevokedError{Certificate: cert, Err: fmt.Errorf("the revocation list of %s is of the future, %s", issuer.Subject, l.ThisUpdate.UTC().Format(time.RFC3339))}
			case !l.NextUpdate.IsZero() && now.After(l.NextUpdate):
				return &RevokedError{Certificate: cert, Err: fmt.Errorf("the revocation list of %s is out of date: the next was due %s", issuer.Subject, l.NextUpdate.UTC().Format(time.RFC3339))}
			}
		}
	}
	return nil
}

// guard makes config refuse the certificates that r does not trust, also of sessions that are resumed.
func (r *revocations) guard(config *tls.Config) {
	before := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if err := r.check(state.VerifiedChains, time.Now()); err != nil {
			return err
		}
		if before != nil {
			return before(state)
		}
		return nil
	}
}
