package gateway

import (
	"net/http"

	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/schema"
)

// describeServices returns the OpenAPI document of a gateway.
func describeServices(services []*schema.Service, o Options) ([]byte, error) {
	return gen.OpenAPI(services, gen.OpenAPIOptions{NoMethods: o.NoMethods})
}

// describe answers with the description of the gateway.
func (g *gateway) describe(w http.ResponseWriter, r *http.Request, x *exchange) {
	x.write(w, r, http.StatusOK, "application/json", g.openAPI)
}
