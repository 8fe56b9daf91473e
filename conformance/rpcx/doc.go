// Package rpcx has tests of package x/rpcx against rpcx itself, both ways. It is outside of the workspace: its requirements are nobody else's.
package rpcx

//go:generate thrift --gen go:skip_remote -out internal testdata/peer.thrift
