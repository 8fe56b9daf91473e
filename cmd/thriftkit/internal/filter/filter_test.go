package filter

import (
	"encoding/json"
	"testing"
	"time"
)

var known = []string{"method", "latency", "exception", "args", "size", "oneway"}

func get(path []string) any {
	var v any = map[string]any{
		"method": "login", "latency": 15 * time.Millisecond, "exception": "NotFound", "size": 4096.0, "oneway": false,
		"args": map[string]any{"username": "root", "ids": []any{json.Number("1"), json.Number("2")}, "n": json.Number("7"), "ok": true, "code": "007"},
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		if v = m[name]; v == nil {
			return nil
		}
	}
	return v
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		`method=login && latency>10ms && exception && args.username=="root"`: true,
		`method=login && latency>20ms`:                                       false,
		`method = "login"`:                                                   true,
		`method != login`:                                                    false,
		`method~^log`:                                                        true,
		`method=~'in$'`:                                                      true,
		`!exception`:                                                         false,
		`!(method=x || size>=4KB)`:                                           false,
		`size>4KB`:                                                           false,
		`size=4096`:                                                          true,
		`latency<=15ms`:                                                      true,
		`oneway`:                                                             false,
		`oneway=false`:                                                       true,
		`args.ids=2`:                                                         true,
		`args.ids=3`:                                                         false,
		`args.n<8 && args.n>6`:                                               true,
		`args.ok=true`:                                                       true,
		`args.code="007"`:                                                    true,
		`args.nothing=1`:                                                     false,
		`args.nothing!=1`:                                                    true,
		`args.nothing`:                                                       false,
		`method=x || method=y && oneway || args.ok`: true,
		`exception=NotFound`:                        true,
	} {
		f, err := Parse(text, known)
		if err != nil {
			t.Error(err)
		} else if got := f.Match(get); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		``:              `filter "": at byte 0: want a field, such as method or args.name`,
		`methd=x`:       `filter "methd=x": at byte 0: unknown field "methd" (known: method, latency, exception, args, size, oneway)`,
		`method=`:       `filter "method=": at byte 7: want a value`,
		`method="x`:     `filter "method=\"x": at byte 7: the text has no closing quote`,
		`(method=x`:     `filter "(method=x": at byte 9: want )`,
		`method=x oops`: `filter "method=x oops": at byte 9: want && or || or the end, got "oops"`,
		`method~"("`:    "filter \"method~\\\"(\\\"\": at byte 7: error parsing regexp: missing closing ): `(`",
		`args[0=1`:      `filter "args[0=1": at byte 4: want ]`,
	} {
		if _, err := Parse(text, known); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`method=login && (latency>10ms || !args.a[1].b~"x")`)
	f.Fuzz(func(t *testing.T, text string) {
		if f, err := Parse(text, known); err == nil {
			f.Match(get)
		}
	})
}
