package json_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/json"
)

func ExampleProtocol() {
	for _, msg := range []string{
		`[1,"ping",1,7,{}]`,
		"\x00\x00\x00\x53" + `{"metadata": {"version": 1, "name": "ping", "ttype": 1, "seqid": 7}, "payload": {}}`,
		`["ping",1,7,{}]`,
	} {
		for _, p := range []json.Protocol{json.Apache, json.ThriftPy2, json.Simple} {
			h, _, err := p.ConsumeHeader([]byte(msg))
			if err != nil {
				continue
			}
			fmt.Println(p.Name(), h.Name, h.Type, h.SeqID)
		}
	}
	// Output:
	// json ping call 7
	// thriftpy2-json ping call 7
	// simple-json ping call 7
}

// The errors of all protocols are of one type.
func ExampleProtocol_ConsumeHeader() {
	_, _, err := json.Apache.ConsumeHeader([]byte(`[2,"ping",1,7,{}]`))
	fmt.Println(err, err.(*wire.Error).Offset)
	// Output:
	// at byte 1: invalid data: version 2, not 1 1
}
