package json

import (
	stdbinary "encoding/binary"
	"strings"
)

// texts has the golden values of codectest. Those of Apache are what its Go library writes, but
// for bytes that are not UTF-8, which that one replaces; those of ThriftPy2 are payloads.
var texts = map[string]struct{ apache, thriftpy2, simple string }{
	"i32 fields": {
		`{"1":{"i32":1},"2":{"i32":-2}}`,
		`{"x": 1, "y": -2}`,
		`{"x":1,"y":-2}`,
	},
	"scalars": {
		`{"1":{"tf":1},"2":{"i8":-2},"3":{"i16":4660},"4":{"i32":-2147483648},"5":{"i64":9223372036854775807},"6":{"dbl":1.5},"7":{"str":"é"},"8":{"str":"AP8="},"9":{"uid":"123e4567-e89b-12d3-a456-426614174000"},"10":{"i32":77}}`,
		`{"flag": true, "tiny": -2, "small": 4660, "number": -2147483648, "big": 9223372036854775807, "ratio": 1.5, "name": "\u00e9", "data": "AP8=", "id": "123e4567-e89b-12d3-a456-426614174000", "color": 77}`,
		`{"flag":1,"tiny":-2,"small":4660,"number":-2147483648,"big":9223372036854775807,"ratio":1.5,"name":"é","data":"AP8=","id":"123e4567-e89b-12d3-a456-426614174000","color":77}`,
	},
	"scalars that are zero": {
		`{"1":{"tf":0},"2":{"i8":0},"3":{"i16":0},"4":{"i32":0},"5":{"i64":0},"6":{"dbl":0},"7":{"str":""},"8":{"str":""},"9":{"uid":"00000000-0000-0000-0000-000000000000"},"10":{"i32":0}}`,
		`{"flag": false, "tiny": 0, "small": 0, "number": 0, "big": 0, "ratio": 0.0, "name": "", "data": "", "id": "00000000-0000-0000-0000-000000000000", "color": 0}`,
		`{"flag":0,"tiny":0,"small":0,"number":0,"big":0,"ratio":0,"name":"","data":"","id":"00000000-0000-0000-0000-000000000000","color":0}`,
	},
	"extremes": {
		"{\"1\":{\"tf\":0},\"2\":{\"i8\":-128},\"3\":{\"i16\":-32768},\"4\":{\"i32\":2147483647},\"5\":{\"i64\":-9223372036854775808},\"6\":{\"dbl\":\"-Infinity\"},\"7\":{\"str\":\"\xff\xfe\"},\"8\":{\"str\":\"\"},\"9\":{\"uid\":\"00000000-0000-0000-0000-000000000000\"},\"10\":{\"i32\":-3}}",
		"{\"flag\": false, \"tiny\": -128, \"small\": -32768, \"number\": 2147483647, \"big\": -9223372036854775808, \"ratio\": -Infinity, \"name\": \"\xff\xfe\", \"data\": \"\", \"id\": \"00000000-0000-0000-0000-000000000000\", \"color\": -3}",
		"{\"flag\":0,\"tiny\":-128,\"small\":-32768,\"number\":2147483647,\"big\":-9223372036854775808,\"ratio\":\"-Infinity\",\"name\":\"\xff\xfe\",\"data\":\"\",\"id\":\"00000000-0000-0000-0000-000000000000\",\"color\":-3}",
	},
	"list of i32": {
		`{"1":{"lst":["i32",2,1,-1]}}`,
		`{"ints": [1, -1]}`,
		`{"ints":[1,-1]}`,
	},
	"set of i64": {
		`{"2":{"set":["i64",1,5]}}`,
		`{"longs": [5]}`,
		`{"longs":[5]}`,
	},
	"list of string": {
		`{"3":{"lst":["str",2,"","ab"]}}`,
		`{"words": ["", "ab"]}`,
		`{"words":["","ab"]}`,
	},
	"list of struct": {
		`{"4":{"lst":["rec",1,{"1":{"i32":1},"2":{"i32":2}}]}}`,
		`{"points": [{"x": 1, "y": 2}]}`,
		`{"points":[{"x":1,"y":2}]}`,
	},
	"map string to i32": {
		`{"5":{"map":["str","i32",1,{"a":7}]}}`,
		`{"counts": [{"key": "a", "value": 7}]}`,
		`{"counts":{"a":7}}`,
	},
	"map i32 to string": {
		`{"6":{"map":["i32","str",1,{"7":"a"}]}}`,
		`{"names": [{"key": 7, "value": "a"}]}`,
		`{"names":{"7":"a"}}`,
	},
	"map enum to struct": {
		`{"7":{"map":["i32","rec",1,{"2":{"1":{"i32":3},"2":{"i32":4}}}]}}`,
		`{"by_color": [{"key": 2, "value": {"x": 3, "y": 4}}]}`,
		`{"by_color":{"2":{"x":3,"y":4}}}`,
	},
	"map struct to string": {
		`{"8":{"map":["rec","str",1,{{"1":{"i32":3},"2":{"i32":4}}:"p"}]}}`,
		`{"by_point": [{"key": {"x": 3, "y": 4}, "value": "p"}]}`,
		"",
	},
	"list of lists": {
		`{"9":{"lst":["lst",2,["tf",2,1,0],["tf",0]]}}`,
		`{"grid": [[true, false], []]}`,
		`{"grid":[[1,0],[]]}`,
	},
	"set of enum": {
		`{"10":{"set":["i32",2,1,-3]}}`,
		`{"colors": [1, -3]}`,
		`{"colors":[1,-3]}`,
	},
	"map binary to bool": {
		`{"11":{"map":["str","tf",1,{"/w==":1}]}}`,
		`{"blobs": [{"key": "/w==", "value": true}]}`,
		`{"blobs":{"/w==":1}}`,
	},
	"map uuid to double": {
		`{"12":{"map":["uid","dbl",1,{"123e4567-e89b-12d3-a456-426614174000":1}]}}`,
		`{"ids": [{"key": "123e4567-e89b-12d3-a456-426614174000", "value": 1.0}]}`,
		`{"ids":{"123e4567-e89b-12d3-a456-426614174000":1}}`,
	},
	"map bool to list": {
		`{"13":{"map":["tf","lst",1,{"1":["i64",1,1]}]}}`,
		`{"flags": [{"key": true, "value": [1]}]}`,
		`{"flags":{"1":[1]}}`,
	},
	"map double to i8": {
		`{"14":{"map":["dbl","i8",1,{"0.5":-1}]}}`,
		`{"ratios": [{"key": 0.5, "value": -1}]}`,
		`{"ratios":{"0.5":-1}}`,
	},
	"field id above 255": {
		`{"300":{"lst":["i16",1,1]}}`,
		`{"far": [1]}`,
		`{"far":[1]}`,
	},
	"containers that are empty, not absent": {
		`{"1":{"lst":["i32",0]},"2":{"set":["i64",0]},"5":{"map":["str","i32",0,{}]}}`,
		`{"ints": [], "longs": [], "counts": []}`,
		`{"ints":[],"longs":[],"counts":{}}`,
	},
	"nothing set": {
		`{}`,
		`{}`,
		`{}`,
	},
	"union": {
		`{"2":{"dbl":1.5}}`,
		`{"radius": 1.5}`,
		`{"radius":1.5}`,
	},
	"union with a struct": {
		`{"1":{"rec":{"1":{"i32":1},"2":{"i32":2}}}}`,
		`{"point": {"x": 1, "y": 2}}`,
		`{"point":{"x":1,"y":2}}`,
	},
	"exception": {
		`{"1":{"str":"no"}}`,
		`{"message": "no"}`,
		`{"message":"no"}`,
	},
	"nested": {
		`{"1":{"i32":1},"2":{"rec":{"1":{"i32":2},"3":{"lst":["rec",0]}}},"3":{"lst":["rec",1,{"1":{"i32":3},"3":{"lst":["rec",0]}}]},"4":{"map":["str","rec",1,{"k":{"1":{"i32":4},"3":{"lst":["rec",0]}}}]}}`,
		`{"value": 1, "next": {"value": 2, "children": []}, "children": [{"value": 3, "children": []}], "named": [{"key": "k", "value": {"value": 4, "children": []}}]}`,
		`{"value":1,"next":{"value":2,"children":[]},"children":[{"value":3,"children":[]}],"named":{"k":{"value":4,"children":[]}}}`,
	},
	"presence: all set": {
		`{"1":{"i32":1},"2":{"i32":2},"3":{"i32":3},"4":{"i32":40},"5":{"i32":50},"6":{"i32":60},"7":{"lst":["i32",0]},"8":{"lst":["i32",0]}}`,
		`{"req": 1, "opt": 2, "plain": 3, "req_def": 40, "opt_def": 50, "plain_def": 60, "opt_list": [], "plain_list": []}`,
		`{"req":1,"opt":2,"plain":3,"req_def":40,"opt_def":50,"plain_def":60,"opt_list":[],"plain_list":[]}`,
	},
	"list of 14: the last size in half a byte": {
		`{"1":{"lst":["i32",14,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}}`,
		`{"ints": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}`,
		`{"ints":[0,0,0,0,0,0,0,0,0,0,0,0,0,0]}`,
	},
	"list of 15": {
		`{"1":{"lst":["i32",15,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}}`,
		`{"ints": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}`,
		`{"ints":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}`,
	},
	"string of 128": {
		`{"1":{"str":"` + strings.Repeat("a", 128) + `"}}`,
		`{"message": "` + strings.Repeat("a", 128) + `"}`,
		`{"message":"` + strings.Repeat("a", 128) + `"}`,
	},
	"steps of ids: 15, 16, back, negative": {
		`{"5":{"tf":1},"20":{"i32":1},"36":{"tf":0},"2":{"i32":2},"-7":{"tf":1},"8":{"i8":-1},"32767":{"tf":1},"-32768":{"tf":0}}`,
		`{"a": true, "b": 1, "c": false, "d": 2, "e": true, "f": -1, "g": true, "h": false}`,
		`{"a":1,"b":1,"c":0,"d":2,"e":1,"f":-1,"g":1,"h":0}`,
	},
}

// golden returns the texts of p, for codectest.
func golden(p Protocol) map[string]string {
	all := make(map[string]string)
	for name, text := range texts {
		switch p {
		case Apache:
			all[name] = text.apache
		case ThriftPy2:
			all[name] = alone(text.thriftpy2)
		case Simple:
			if text.simple != "" {
				all[name] = text.simple
			}
		}
	}
	return all
}

// alone returns what ThriftPy2 writes for a value alone.
func alone(payload string) string {
	return sized(`{"metadata": {"version": 1}, "payload": ` + payload + `}`)
}

// sized puts its length before text.
func sized(text string) string {
	return string(stdbinary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text
}
