// Package thriftimpl is what generated code calls and nothing else should: the methods of structs
// that write and read themselves, the stubs of its clients and the routes of its servers. Programs
// use what was generated, or package rpc; they have no need of this package, which changes along
// with the generator, without notice. The primitives of the two protocols that generated code is
// made of are in packages [github.com/thriftkit/thriftkit/wire/binary] and
// [github.com/thriftkit/thriftkit/wire/compact].
package thriftimpl
