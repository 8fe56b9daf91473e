package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Source reports a document, such as the settings of package govern. One that is a fmt.Stringer says where the document is.
type Source interface {
	// Watch calls report with the text of the document, and again after each change, until ctx ends or it fails. nil says that there is no
	// such document. It calls report on the goroutine that called Watch. It need not retry: FollowSource calls it again.
	Watch(ctx context.Context, report func(text []byte)) error
}

// A SourceFunc is a func as a Source.
type SourceFunc func(ctx context.Context, report func(text []byte)) error

// Watch implements [Source].
func (f SourceFunc) Watch(ctx context.Context, report func(text []byte)) error {
	return f(ctx, report)
}

// FileSource returns a Source of a file. It looks every refresh whether the file has changed; 0 means 1 second.
func FileSource(name string, refresh time.Duration) Source {
	if refresh <= 0 {
		refresh = time.Second
	}
	return &fileSource{name, refresh}
}

type fileSource struct {
	name    string
	refresh time.Duration
}

func (f *fileSource) String() string { return f.name }

// Watch implements [Source].
func (f *fileSource) Watch(ctx context.Context, report func([]byte)) error {
	var last []byte
	for first := true; ; first = false {
		text, err := readFile(f.name)
		if err != nil {
			return err
		}
		if first || !bytes.Equal(text, last) {
			last = text
			report(text)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(f.refresh):
		}
	}
}

// FollowSource runs s until ctx ends, and reports what it reports. A source that fails, or returns, is run again after a pause of 0.5 to 30
// seconds; onError, if not nil, learns of it.
func FollowSource(ctx context.Context, s Source, onError func(error), report func(text []byte)) {
	if onError == nil {
		onError = func(error) {}
	}
	keepWatching(ctx, onError, func(good func()) error {
		return s.Watch(ctx, func(text []byte) {
			good()
			report(text)
		})
	})
}

// keepWatching runs watch until ctx ends, with growing pauses until it calls good.
func keepWatching(ctx context.Context, onError func(error), watch func(good func()) error) {
	pause := firstPause
	for ctx.Err() == nil {
		err := watch(func() { pause = firstPause })
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("the watch ended without an error")
		}
		wait := pause/2 + rand.N(pause/2)
		onError(fmt.Errorf("discovery: %w (next attempt in %s)", err, wait.Round(time.Millisecond)))
		pause = min(2*pause, longPause)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
