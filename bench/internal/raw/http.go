package raw

import (
	"io"
	"net"
	"net/http"
)

// ServeHTTP answers requests by their bodies, with net/http.
func ServeHTTP(l net.Listener) error {
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body) // if it fails the client is gone
	}))
}
