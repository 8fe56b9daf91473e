package howto

import (
	"context"
	"errors"
	"fmt"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/govern"
)

// DialShop returns a client that calls again where that can do no harm: after a call that did not begin, and, of methods that the IDL
// marks with thriftkit.readonly, after any that failed on the way.
func DialShop(ctx context.Context, target string, opts ...thriftkit.ClientOption) (*thriftkit.Client, error) {
	return thriftkit.Dial(ctx, target, append(opts, thriftkit.WithRetry(govern.RetryOptions{}))...)
}

// Place orders, and says what is known if that fails.
func Place(ctx context.Context, c ShopClient, o Order) error {
	_, err := c.Order(ctx, o)
	var soldOut *SoldOut
	switch {
	case err == nil:
		return nil
	case errors.As(err, &soldOut):
		return fmt.Errorf("leave %s out: %w", soldOut.Item, err)
	case thriftkit.OutcomeOf(err) == thriftkit.OutcomeUnknown:
		return fmt.Errorf("look whether there is an order %s before you order again: %w", o.ID, err)
	}
	return fmt.Errorf("nothing was ordered: %w", err)
}
