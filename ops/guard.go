package ops

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// guard lets through what an operator asks for, and refuses what a page elsewhere makes a browser ask for.
func (a *Admin) guard(next http.Handler) http.Handler {
	own, _ := os.Hostname()
	hosts := append([]string{"localhost", strings.ToLower(own)}, a.opts.Hosts...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !knownHost(r.Host, hosts):
			plainText(w, http.StatusMisdirectedRequest, "unknown host: ask for an IP address, localhost, or a name that AdminOptions.Hosts has\n")
		case r.Method == http.MethodPost && r.URL.Path == "/settings" && !fromElsewhere(r):
			next.ServeHTTP(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			plainText(w, http.StatusMethodNotAllowed, "these pages are read-only\n")
		case fromElsewhere(r):
			plainText(w, http.StatusForbidden, "requests from other origins are refused\n")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knownHost reports whether the host of a request is an IP address or among the names.
func knownHost(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && slices.ContainsFunc(names, func(n string) bool {
		return n == "*" || strings.EqualFold(n, host)
	})
}

// fromElsewhere reports whether a page of another origin made a browser send the request. Links to pages may be followed from
// anywhere, but not to profiles: they cost something.
func fromElsewhere(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			return true
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	link := r.Method != http.MethodPost && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return !link || strings.HasPrefix(r.URL.Path, "/debug/")
}

// tlsVersion returns the name of a version of TLS.
func tlsVersion(v uint16) string { return tls.VersionName(v) }
