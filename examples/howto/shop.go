// Package howto has the programs of docs/howto.md, which its tests run.
package howto

import (
	"context"
	"embed"
	"sync"

	"github.com/thriftkit/thriftkit"
)

//go:embed foo.thrift
var files embed.FS

var shopService = thriftkit.MustLoad("foo.thrift", thriftkit.WithFS(files)).MustService("Shop")

type Order struct {
	ID    string
	Items []string
}

type SoldOut struct{ Item string }

func (e *SoldOut) Error() string { return e.Item + " is sold out" }

type Shop struct {
	mu     sync.Mutex
	orders map[string]Order
}

func (*Shop) Ping(context.Context) (string, error) { return "pong", nil }

func (s *Shop) Order(_ context.Context, o Order) (string, error) {
	for _, item := range o.Items {
		if item == "moon" {
			return "", &SoldOut{item}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.orders == nil {
		s.orders = make(map[string]Order)
	}
	s.orders[o.ID] = o
	return o.ID, nil
}

func (s *Shop) Count(context.Context) (int32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int32(len(s.orders)), nil
}

type ShopClient struct {
	Ping  func(ctx context.Context) (string, error)
	Order func(ctx context.Context, order Order) (string, error)
	Count func(ctx context.Context) (int32, error)
}
