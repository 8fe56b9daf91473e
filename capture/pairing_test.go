package capture_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
	"github.com/thriftkit/thriftkit/wire"
)

// An exchange is what clients and a server do on one connection. Each call carries its number, and its reply repeats it.
type exchange struct {
	form      string // of messages
	ids       string // none: all 0; few: 0 to 3 in turn; unique
	depth     int    // calls that wait for replies at once
	oneway    bool   // some calls are oneway
	methods   int    // that are called
	unordered bool   // replies come in any order
	atServer  bool   // where packets are captured
}

func (e exchange) String() string {
	return fmt.Sprintf("%s, ids %s, depth %d, oneway %v, %d methods, unordered %v, at server %v", e.form, e.ids, e.depth, e.oneway, e.methods, e.unordered, e.atServer)
}

// encode returns the bytes of a message with one text.
func (e exchange) encode(kind wire.MessageType, name string, seqid int32, text string) []byte {
	id := byte(1)
	if kind == wire.Reply {
		id = 0
	}
	str := func(b []byte, s string) []byte {
		return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	var m []byte
	switch e.form {
	case "compact":
		m = append([]byte{0x82, byte(kind)<<5 | 1}, binary.AppendUvarint(nil, uint64(uint32(seqid)))...)
		m = append(append(m, byte(len(name))), name...)
		if m = append(m, 0x18); id == 0 {
			m = append(m[:len(m)-1], 0x08, 0)
		}
		return append(append(binary.AppendUvarint(m, uint64(len(text))), text...), 0)
	case "json":
		return fmt.Appendf(nil, `[1,%q,%d,%d,{"%d":{"str":%q}}]`, name, kind, seqid, id, text)
	case "old":
		m = append(str(m, name), byte(kind))
	default:
		m = str([]byte{0x80, 1, 0, byte(kind)}, name)
	}
	m = binary.BigEndian.AppendUint32(m, uint32(seqid))
	m = append(str(append(m, 0x0b, 0, id), text), 0)
	switch {
	case e.form == "framed":
		m = str(nil, string(m))
	case e.form == "http" && id == 1:
		m = fmt.Appendf(nil, "POST /thrift HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-thrift\r\nContent-Length: %d\r\n\r\n%s", len(m), m)
	case e.form == "http":
		m = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/x-thrift\r\nContent-Length: %d\r\n\r\n%s", len(m), m)
	}
	return m
}

// run makes n calls on c.
func (e exchange) run(rnd *rand.Rand, c *capturetest.Conn, first, n int) {
	type message struct {
		number int
		oneway bool
		b      []byte
		have   int // of the other side, when it was sent
	}
	var (
		onTheWay [2][]message
		received [2]int // bytes, by the client and the server
		served   []message
		waiting  int
		sent     int
		finished int
	)
	seqid := func(number int) int32 {
		switch e.ids {
		case "none":
			return 0
		case "few":
			return int32(number % 4)
		}
		return int32(number)
	}
	name := func(number int) string { return "method" + strconv.Itoa(number*7%e.methods) }
	text := func(number int) string { return fmt.Sprintf("#%06d#", number) + strings.Repeat("x", rnd.IntN(300)) }
	log := func(side int, dir int, m message) { // side: where that happens
		if e.atServer == (side == 1) {
			c.SendHaving(dir, m.b, m.have)
		}
	}
	send := func(dir int, m message) {
		m.have = received[dir]
		onTheWay[dir] = append(onTheWay[dir], m)
		log(dir, dir, m)
	}
	for finished < n {
		switch rnd.IntN(5) {
		case 0:
			if sent == n || waiting >= e.depth {
				continue
			}
			m := message{number: first + sent, oneway: e.oneway && rnd.IntN(4) == 0}
			kind := wire.Call
			if m.oneway {
				kind = wire.Oneway
			} else {
				waiting++
			}
			m.b = e.encode(kind, name(m.number), seqid(m.number), text(m.number))
			sent++
			send(0, m)
		case 1, 2:
			dir := rnd.IntN(2)
			if len(onTheWay[dir]) == 0 {
				continue
			}
			m := onTheWay[dir][0]
			onTheWay[dir] = onTheWay[dir][1:]
			received[1-dir] += len(m.b)
			log(1-dir, dir, m)
			switch {
			case len(m.b) == 0:
			case dir == 1:
				waiting--
				finished++
			case m.oneway:
				finished++
			default:
				served = append(served, m)
			}
		case 3:
			if len(served) == 0 {
				continue
			}
			i := 0
			if e.unordered {
				i = rnd.IntN(len(served))
			}
			number := served[i].number
			served = slices.Delete(served, i, i+1)
			send(1, message{number: number, b: e.encode(wire.Reply, name(number), seqid(number), text(number))})
		case 4:
			if rnd.IntN(3) == 0 {
				send(rnd.IntN(2), message{}) // an acknowledgment
			}
		}
	}
}

// damage loses packets, or their beginning or end, or makes copies of them, or changes their order.
func damage(rnd *rand.Rand, packets []pcapfile.Packet) []pcapfile.Packet {
	var out []pcapfile.Packet
	if rnd.IntN(3) == 0 {
		packets = packets[rnd.IntN(len(packets)/2):]
	}
	loss, burst := []int{0, 4, 12, 40, 150}[rnd.IntN(5)], 1+rnd.IntN(6)
	for i := 0; i < len(packets); i++ {
		if loss > 0 && rnd.IntN(loss) == 0 {
			i += rnd.IntN(burst)
			continue
		}
		out = append(out, packets[i])
	}
	if rnd.IntN(3) == 0 {
		for i := range out {
			j := min(i+rnd.IntN(8), len(out)-1)
			out[i], out[j] = out[j], out[i]
		}
	}
	if rnd.IntN(3) == 0 {
		for range len(out) / 4 {
			at := rnd.IntN(len(out))
			out = slices.Insert(out, min(at+rnd.IntN(20), len(out)), out[at])
		}
	}
	if rnd.IntN(4) == 0 {
		for i := range out {
			out[i].Data = out[i].Data[:min(len(out[i].Data), 140)]
		}
	}
	return out
}

var numbered = regexp.MustCompile(`#(\d{6})#`)

// numberOf returns the number in a message; -1 if it is missing.
func numberOf(m *capture.Message) int {
	if m == nil {
		return -1
	}
	if found := numbered.FindSubmatch(m.Bytes); found != nil {
		n, _ := strconv.Atoi(string(found[1]))
		return n
	}
	return -1
}

// Whatever is lost of a capture, a reply is never taken for that to another call, no call is found twice, and what is not known is not
// said.
func TestPairing(t *testing.T) {
	type count struct{ pairs, calls int }
	counts := make(map[string]*count)
	for _, form := range []string{"buffered", "old", "compact", "json", "framed", "http"} {
		for _, ids := range []string{"none", "few", "unique"} {
			for _, depth := range []int{1, 2, 6} {
				for variant := range 16 {
					e := exchange{form: form, ids: ids, depth: depth, oneway: variant&1 > 0 && form != "http", methods: 1 + variant>>1&1*2,
						unordered: variant&4 > 0 && ids == "unique" && form != "http", atServer: variant&8 > 0}
					seed := uint64(variant)
					rnd := rand.New(rand.NewPCG(seed, uint64(depth)))
					network := &capturetest.Network{MSS: []int{60, 300, 1448}[rnd.IntN(3)]}
					const n = 60
					for i := range 2 {
						c := network.Open()
						e.run(rnd, c, i*n, n)
						c.Close()
					}
					packets := damage(rnd, network.Packets())
					calls, _ := analyze(packets, capture.Options{})
					key := fmt.Sprintf("%s ids %s depth %d", form, ids, depth)
					k := counts[key]
					if k == nil {
						k = &count{}
						counts[key] = k
					}
					var left []int // replies that are said to be without a call
					requests, replies := make(map[int]bool), make(map[int]bool)
					for _, c := range calls {
						asked, answered := numberOf(c.Request), numberOf(c.Reply)
						k.calls++
						if asked >= 0 && answered >= 0 {
							k.pairs++
							if asked != answered {
								t.Errorf("%s, seed %d: the reply to %d is said to be that to %d (%q)", e, seed, answered, asked, c.Note)
							}
						}
						if c.Status == capture.StatusNoReply && strings.Contains(c.Note, "without a reply") {
							t.Errorf("%s, seed %d: %d had a reply, and is said to have none: %q", e, seed, asked, c.Note)
						}
						if c.Request == nil && c.Note == "the call was not captured" {
							left = append(left, answered)
						}
						for number, seen := range map[int]map[int]bool{asked: requests, answered: replies} {
							if number >= 0 && seen[number] {
								t.Errorf("%s, seed %d: %d is found twice", e, seed, number)
							}
							seen[number] = true
						}
					}
					for _, number := range left {
						if number >= 0 && requests[number] {
							t.Errorf("%s, seed %d: the call %d was captured, and is said to be not", e, seed, number)
						}
					}
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-32s %5d calls, %5d pairs", key, counts[key].calls, counts[key].pairs)
		if counts[key].pairs < counts[key].calls/10 {
			t.Errorf("%s: %d pairs of %d calls and replies", key, counts[key].pairs, counts[key].calls)
		}
	}
}
