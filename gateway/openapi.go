package gateway

import "net/http"

// describe answers with the description of the gateway.
func (g *gateway) describe(w http.ResponseWriter, r *http.Request, x *exchange) {
	x.write(w, r, http.StatusOK, "application/json", nil)
}
