//go:build !unix

package child

import "errors"

func limitFiles(uint64) error { return errors.New("descriptors cannot be limited here") }
