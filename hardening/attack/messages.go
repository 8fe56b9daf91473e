package attack

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit/wire"
)

// An input is bytes for one connection.
type input struct {
	name   string
	bytes  []byte
	method string // that is called, or answered; "" where it does not matter
}

// The limit of a message that all libraries have by default, about: 16 MiB here and in Apache's frames, more elsewhere.
const limit = 16 << 20

const levels = 100_000 // of nesting

// A speech is who says what in which dialect: calls, or replies to the call with a sequence id.
type speech struct {
	Dialect
	reply bool
	seq   int32
}

// calls returns how a client speaks d.
func calls(d Dialect) speech { return speech{Dialect: d, seq: 1} }

// kind returns the type of the messages.
func (s speech) kind() byte {
	if s.reply {
		return 2
	}
	return 1
}

// known returns the id of the field in which the argument, or the result, is.
func (s speech) known() int16 {
	if s.reply {
		return 0
	}
	return 1
}

// lies are what lengths and counts claim: nothing that follows bears them out.
var lies = []int64{-1, -1 << 31, 1<<31 - 1, limit + 1, 1 << 26, 1 << 20}

// elems are the types that elements of containers claim to have; the last ones do not exist.
var elems = []wire.Type{
	wire.Bool, wire.I8, wire.I16, wire.I32, wire.I64, wire.Double, wire.String, wire.Struct, wire.Map, wire.Set, wire.List, wire.UUID,
	wire.Stop, wire.Void, 7, 99,
}

// a method of the service with one argument, and the type of that.
type argument struct {
	method string
	t      wire.Type
}

var (
	aString  = argument{"echoString", wire.String}
	aBinary  = argument{"echoBinary", wire.String}
	aList    = argument{"echoInts", wire.List}
	aMatrix  = argument{"echoMatrix", wire.List}
	items    = argument{"echoItems", wire.List}
	aSet     = argument{"echoIntSet", wire.Set}
	aMap     = argument{"echoIntToString", wire.Map}
	deepMap  = argument{"echoDeep", wire.Map}
	tree     = argument{"echoTree", wire.Struct}
	chain    = argument{"echoChain", wire.Struct}
	noMethod = argument{"noSuchMethod", wire.Struct}
)

// unknownField is the id of an argument, and of a result, that no method has.
const unknownField = 99

// with returns a message of the method of a, whose field with that id write appends.
func (a argument) with(s speech, id int16, write func(writer)) []byte {
	w := newWriter(s.Protocol)
	w.message(a.method, int64(len(a.method)), s.kind(), s.seq)
	w.field(a.t, id)
	write(w)
	w.stop()
	return w.bytes()
}

// lengths returns messages of which a length or a count lies. For protocols in text there are others: see texts.
func lengths(s speech) []input {
	var all []input
	add := func(name, method string, msg []byte) { all = append(all, input{name, s.wrap(msg), method}) }
	for _, n := range lies {
		w := newWriter(s.Protocol)
		w.message("ping", n, s.kind(), s.seq)
		w.stop()
		add(fmt.Sprintf("a method's name of %d bytes", n), "ping", w.bytes())
		for _, id := range []int16{s.known(), unknownField} {
			for _, a := range []argument{aString, aBinary} {
				add(fmt.Sprintf("%s field %d: a string of %d bytes", a.method, id, n), a.method, a.with(s, id, func(w writer) { w.text("x", n) }))
			}
			for _, t := range elems {
				for _, a := range []argument{aList, aMatrix, items, aSet} {
					add(fmt.Sprintf("%s field %d: %d elements of type %d", a.method, id, n, t), a.method, a.with(s, id, func(w writer) { w.list(t, n) }))
				}
				for _, a := range []argument{aMap, deepMap} {
					add(fmt.Sprintf("%s field %d: %d entries of type %d", a.method, id, n, t), a.method, a.with(s, id, func(w writer) { w.mapping(wire.I32, t, n) }))
					add(fmt.Sprintf("%s field %d: %d keys of type %d", a.method, id, n, t), a.method, a.with(s, id, func(w writer) { w.mapping(t, wire.String, n) }))
				}
			}
		}
	}
	return all
}

// kinds returns messages of types and versions that do not exist.
func kinds(s speech) []input {
	var all []input
	for _, t := range []byte{0, 2, 3, 5, 7} {
		w := newWriter(s.Protocol)
		w.message("ping", 4, t, s.seq)
		w.stop()
		all = append(all, input{fmt.Sprintf("a message of type %d", t), s.wrap(w.bytes()), "ping"})
	}
	for t := range 256 {
		w := newWriter(s.Protocol)
		w.message("echoString", 10, s.kind(), s.seq)
		w.raw(byte(t), 0, byte(s.known()))
		w.raw(bytes.Repeat([]byte{0xff}, 32)...)
		all = append(all, input{fmt.Sprintf("a field of type %d", t), s.wrap(w.bytes()), "echoString"})
	}
	w := newWriter(s.Protocol)
	w.message("ping", 4, s.kind(), s.seq)
	msg := w.bytes()
	msg[1] ^= 0x1f // the version
	all = append(all, input{"another version", s.wrap(msg), "ping"})
	return all
}

// depths returns messages that are nested far more deeply than they may be.
func depths(s speech) []input {
	var all []input
	open := func(what string, a argument, id int16, level func(writer)) {
		msg := a.with(s, id, func(w writer) {
			for range levels {
				level(w)
			}
		})
		all = append(all, input{fmt.Sprintf("%s in field %d", what, id), s.wrap(msg), a.method})
	}
	for _, id := range []int16{s.known(), unknownField} {
		open("structs", chain, id, func(w writer) { w.field(wire.Struct, 2) })
		open("structs in lists", tree, id, func(w writer) { w.field(wire.List, 2); w.list(wire.Struct, 1) })
		open("lists", aMatrix, id, func(w writer) { w.list(wire.List, 1) })
		open("maps", deepMap, id, func(w writer) { w.mapping(wire.Map, wire.Map, 1) })
		open("sets", aSet, id, func(w writer) { w.list(wire.Set, 1) })
	}
	open("structs of a method that does not exist", noMethod, 1, func(w writer) { w.field(wire.Struct, 1) })
	return all
}

// texts returns hostile messages in a protocol of JSON.
func texts(s speech) []input {
	field, name := fmt.Sprint(s.known()), "v"
	if s.reply {
		name = "success"
	}
	head, tail := fmt.Sprintf(`[1,"echoString",%d,%d,{%q:{"str":`, s.kind(), s.seq, field), `}}]`
	switch s.Protocol {
	case "thriftpy2-json":
		head, tail = fmt.Sprintf(`{"metadata":{"name":"echoString","seqid":%d,"ttype":%d,"version":1},"payload":{%q:`, s.seq, s.kind(), name), `}}`
	case "simple-json":
		head, tail = fmt.Sprintf(`["echoString",%d,%d,{%q:`, s.kind(), s.seq, name), `}]`
	}
	var all []input
	add := func(name, msg string) {
		b := []byte(msg)
		if s.Protocol == "thriftpy2-json" {
			b = frame(int64(len(b)), b) // thriftpy2 puts the length in front, whatever the transport
		}
		all = append(all, input{name, s.wrap(b), "echoString"})
	}
	long := strings.Repeat
	for _, t := range []struct{ name, value string }{
		{"lists", long("[", levels)},
		{"objects", long(`{"1":`, levels)},
		{"structs", long(`{"1":{"rec":`, levels)},
		{"lists of lists", long(`["lst",1,`, levels)},
		{"maps", long(`["map","map",1,{`, levels)},
		{"digits", long("9", 1<<20)},
		{"an exponent", "1e" + long("9", 1<<16)},
		{"a great number", "1e400"},
		{"zeros behind the point", "0." + long("0", 1<<20)},
		{"a string without an end", `"` + long("x", 1<<20)},
		{"escapes that are cut", `"\u12"`},
		{"an escape that does not exist", `"\x00"`},
		{"half a pair of surrogates", `"\ud800"`},
		{"bytes that are not UTF-8", "\"\xff\xfe\""},
		{"a control character", "\"\x01\""},
		{"a comma alone", ","},
		{"nothing", ""},
		{"a word", "nul"},
		{"a count that lies", `["i32",2147483647,1]`},
		{"a negative count", `["i32",-1]`},
		{"a count that is no number", `["i32","x"]`},
		{"a type that does not exist", `["xyz",1,1]`},
		{"a map's count that lies", `["i32","i32",2147483647,{}]`},
		{"keys without end", `{` + long(`"a":1,`, 1<<17)},
		{"blanks", long(" ", 1<<20)},
		{"binary that is not base64", `"!!!!"`},
	} {
		add(t.name, head+t.value+tail)
	}
	for _, msg := range []string{
		`[`, `[]`, `[1]`, `[2,"ping",1,1,{}]`, `[1,"ping",1]`, `[1,"ping",99,1,{}]`, `[1,"ping",1,99999999999,{}]`, `[1,1,1,1,{}]`, `[1,"` + long("p", 1<<20) + `",1,1,{}]`,
		`{}`, `{"metadata":{}}`, `{"metadata":{"name":1}}`, `{"payload":{}}`, `[1,"ping",1,1,{}]]]]]]`, `["ping"]`, `["ping",1,1,[]]`,
	} {
		add("the message "+msg[:min(len(msg), 40)], msg)
	}
	if s.Protocol == "thriftpy2-json" {
		for _, n := range lies {
			all = append(all, input{fmt.Sprintf("a length of %d", n), s.wrap(frame(n, []byte(`{"metadata":{}}`))), "ping"})
		}
	}
	return all
}

// envelopes returns bytes whose transport lies.
func envelopes(s speech) []input {
	w := newWriter("binary")
	w.message("ping", 4, s.kind(), s.seq)
	w.stop()
	ping := w.bytes()
	var all []input
	add := func(name string, b []byte) { all = append(all, input{name, b, "ping"}) }
	switch s.Transport {
	case "framed":
		for _, n := range append([]int64{0, 1, 3, int64(len(ping)) - 1, int64(len(ping)) + 1}, lies...) {
			add(fmt.Sprintf("a frame of %d bytes", n), frame(n, ping))
		}
		add("frames of nothing", bytes.Repeat([]byte{0, 0, 0, 0}, 1<<16))
	case "header", "header+zlib":
		for _, n := range append([]int64{1, 9, 13}, lies...) {
			add(fmt.Sprintf("a frame of %d bytes", n), theader(headerFields{length: n}, ping))
		}
		for _, n := range []uint64{5, 1000, 100_000_000, 1<<63 - 1, 1<<64 - 1} {
			add(fmt.Sprintf("%d transforms", n), theader(headerFields{transformCount: n}, ping))
			add(fmt.Sprintf("%d names", n), theader(headerFields{info: keyValues(n, "a", "b")}, ping))
			add(fmt.Sprintf("a name of %d bytes", n), theader(headerFields{info: append(keyValues(1), uvarint(n)...)}, ping))
			add(fmt.Sprintf("protocol %d", n), theader(headerFields{protocol: n}, ping))
			add(fmt.Sprintf("transform %d", n), theader(headerFields{transforms: []uint64{n}}, ping))
		}
		for _, n := range []int{1, 2, 100, 0xffff} {
			add(fmt.Sprintf("a header of %d words", n), theader(headerFields{words: n}, ping))
		}
		add("a varint without end", theader(headerFields{info: bytes.Repeat([]byte{0xff}, 64)}, ping))
		add("what is not zlib", theader(headerFields{transforms: []uint64{transformZlib}}, ping))
		add("zlib in zlib", theader(headerFields{transforms: []uint64{1, 1, 1, 1}}, deflate(deflate(deflate(deflate(ping))))))
		many := make([]string, 0, 2*20_000)
		for i := range 20_000 {
			many = append(many, fmt.Sprint(i), "")
		}
		add("20,000 names", theader(headerFields{info: keyValues(20_000, many...)}, ping))
	case "ttheader":
		for _, n := range append([]int64{1, 9, 13}, lies...) {
			add(fmt.Sprintf("a frame of %d bytes", n), ttheader(ttheaderFields{length: n}, ping))
		}
		for _, n := range []int{1, 2, 100, 0xffff} {
			add(fmt.Sprintf("a header of %d words", n), ttheader(ttheaderFields{words: n}, ping))
		}
		for _, p := range []byte{1, 5, 0x10, 0xff} {
			add(fmt.Sprintf("protocol %d", p), ttheader(ttheaderFields{protocol: p}, ping))
			add(fmt.Sprintf("%d transforms", p), ttheader(ttheaderFields{transforms: p}, ping))
		}
		for _, id := range []byte{0x01, 0x10, 0x11, 0x02, 0xff} {
			add(fmt.Sprintf("block %d with 65535 entries", id), ttheader(ttheaderFields{info: []byte{id, 0xff, 0xff, 0, 1}}, ping))
		}
	case "http":
		for _, n := range []string{"-1", "0", "1", "99999999999999999999", "17000000", "2147483647", "x", ""} {
			add("a Content-Length of "+n, s.http(n, ping))
		}
		if s.reply {
			return append(all, httpReplies()...)
		}
		for _, r := range []struct{ name, text string }{
			{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n12345"},
			{"a length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"},
			{"a chunk that lies", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nx"},
			{"a chunk without a size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
			{"a header of 10 MB", "POST / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 10<<20) + "\r\n\r\n"},
			{"100,000 header fields", "POST / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a: b\r\n", 100_000) + "\r\n"},
			{"a path of 10 MB", "POST /" + strings.Repeat("x", 10<<20) + " HTTP/1.1\r\nHost: a\r\n\r\n"},
			{"a path upwards", "POST /../../etc/passwd HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
			{"another method", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"},
			{"a version of HTTP that does not exist", "POST / HTTP/9.9\r\nHost: a\r\n\r\n"},
			{"line ends alone", "POST / HTTP/1.1\nHost: a\n\n"},
			{"a zero in a name", "POST / HTTP/1.1\r\nHo\x00st: a\r\n\r\n"},
			{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		} {
			add(r.name, []byte(r.text))
		}
	case "zlib":
		b := deflate(ping)
		add("zlib with a wrong check", append(b[:2:2], 0xff, 0xff, 0xff))
		add("zlib with a dictionary", append([]byte{0x78, 0xbb, 1, 2, 3, 4}, b...))
		add("zlib in zlib", deflate(deflate(deflate(ping))))
	}
	return all
}

// httpReplies returns answers that no server of HTTP gives.
func httpReplies() []input {
	var all []input
	for _, r := range []struct{ name, text string }{
		{"a chunk that lies", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nx"},
		{"a header of 10 MB", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 10<<20) + "\r\n\r\n"},
		{"another status", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"},
		{"a status that does not exist", "HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n"},
		{"somewhere else", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
		{"an empty answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"a compressed body", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"},
		{"not HTTP", "SSH-2.0-OpenSSH_9.6\r\n"},
	} {
		all = append(all, input{r.name, []byte(r.text), "ping"})
	}
	return all
}

// sequenceReplies returns replies to calls that nobody made, and to one call many times.
func sequenceReplies(s speech) []input {
	reply := func(seq int32) []byte {
		w := newWriter(s.Protocol)
		w.message("ping", 4, s.kind(), seq)
		w.field(wire.String, s.known())
		w.text("pong", 4)
		w.stop()
		return s.wrap(w.bytes())
	}
	var all []input
	for _, seq := range []int32{0, s.seq + 1, s.seq - 1, -s.seq, -1, 1 << 30, 1<<31 - 1, -1 << 31} {
		all = append(all, input{fmt.Sprintf("a reply to %d", seq), reply(seq), "ping"})
		all = append(all, input{fmt.Sprintf("a reply to %d in front of the right one", seq), append(reply(seq), reply(s.seq)...), "ping"})
	}
	return append(all, input{"10,000 replies to one call", bytes.Repeat(reply(s.seq), 10_000), "ping"})
}

// bombs returns little that becomes so many MiB.
func bombs(s speech, mib int) []input {
	w := newWriter(s.Protocol)
	w.message("echoBinary", 10, s.kind(), s.seq)
	w.field(wire.String, s.known())
	w.text("", int64(mib)<<20)
	switch s.Transport {
	case "zlib":
		return []input{{fmt.Sprintf("a message that grows to %d MiB", mib), bomb(w.bytes(), mib), "echoBinary"}}
	case "header", "header+zlib":
		return []input{
			{fmt.Sprintf("a payload that grows to %d MiB", mib), theader(headerFields{protocol: s.headerProtocol(), transforms: []uint64{transformZlib}}, bomb(w.bytes(), mib)), "echoBinary"},
			{"a payload that grows twice", theader(headerFields{protocol: s.headerProtocol(), transforms: []uint64{transformZlib, transformZlib}}, deflate(bomb(w.bytes(), mib))), "echoBinary"},
		}
	}
	return nil
}

func uvarint(n uint64) []byte {
	var b []byte
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}
