package mock

import (
	"errors"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

func service(t testing.TB) (*schema.Service, Finder) {
	t.Helper()
	file, err := thriftkit.Parse("a.thrift", "exception E {1: string why}\nservice S { string a(1: i64 n, 2: string s) throws (1: E e), void b() }\nservice T extends S { i32 c() }")
	if err != nil {
		t.Fatal(err)
	}
	svc := file.Service("T")
	return svc, func(name string) ([]*schema.Method, *schema.Service, error) {
		if m := svc.Method(strings.TrimPrefix(name, "T.")); m != nil {
			return []*schema.Method{m}, nil, nil
		}
		return nil, nil, errors.New("no such method")
	}
}

// Each row is rules and what they answer to calls one after the other.
func TestAnswer(t *testing.T) {
	svc, find := service(t)
	for _, test := range []struct {
		rules string
		n     int64
		want  string
	}{
		{`{method: a, answer: x}`, 1, "x x x"},
		{`{method: "*", error: {code: 9}}`, 1, "error9 error9"},
		{`{method: b, answer: null}`, 1, "- -"},
		{`{method: a, times: 2, answer: x}`, 1, "x x - -"},
		{`{method: a, steps: [{answer: x}, {answer: y}]}`, 1, "x y y y"},
		{`{method: a, after: repeat, steps: [{answer: x}, {drop: true}]}`, 1, "x drop x drop"},
		{`{method: a, after: pass, steps: [{answer: x}]}, {method: a, answer: y}`, 1, "x y y"},
		{`{method: a, when: .n > 9007199254740992, answer: big}, {method: a, answer: small}`, 9007199254740993, "big"},
		{`{method: a, when: .n > 9007199254740993, answer: big}, {method: a, answer: small}`, 9007199254740993, "small"},
		{`{method: a, when: .s, answer: x}`, 1, "-"},
		{`{method: a, answer: "{{.Request.n}} {{.Number}}"}`, 9007199254740993, "9007199254740993\u00a00 9007199254740993\u00a01"},
		{`{method: a, exception: E, value: {why: "{{.Request.n}}"}}`, 3, "E3"},
		{`{method: a, when: error("no"), answer: x}`, 3, "jq: error: no"},
	} {
		r, err := Parse([]byte("rules: ["+test.rules+"]"), find, 1)
		if err != nil {
			t.Errorf("%s: %v", test.rules, err)
			continue
		}
		m := svc.Method("a")
		args := dynamic.New(m.Args)
		if err := args.Set("n", test.n); err != nil {
			t.Fatal(err)
		}
		wants := strings.Split(test.want, " ")
		if strings.HasPrefix(test.want, "jq") {
			wants = []string{test.want}
		}
		for i, want := range wants {
			if got := outcome(r.Answer(t.Context(), svc, m, args)); got != strings.ReplaceAll(want, "\u00a0", " ") && !(strings.HasPrefix(want, "jq") && strings.HasSuffix(got, want)) {
				t.Errorf("%s: call %d: got %s, want %s", test.rules, i, got, want)
			}
		}
	}
}

func outcome(a *Answer, ok bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case !ok:
		return "-"
	case a.Drop:
		return "drop"
	case a.Failure != nil:
		return "error" + string('0'+rune(a.Failure.Code))
	case a.Exception != nil:
		return "E" + a.Exception.Get("why").Text()
	}
	return a.Result.Text()
}

func TestChance(t *testing.T) {
	svc, find := service(t)
	r, err := Parse([]byte(`{"rules": [{"method": "a", "chance": "30%", "drop": true}]}`), find, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range 10000 {
		if _, ok, _ := r.Answer(t.Context(), svc, svc.Method("a"), dynamic.New(svc.Method("a").Args)); ok {
			n++
		}
	}
	if n < 2700 || n > 3300 {
		t.Errorf("%d of 10000 calls, want about 3000", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "rules:", "rules: [{method: a, answer: x}]", `{"rules": [{"method": "a", "steps": [{"exception": "E"}, {"error": {"code": 1}}], "after": "pass"}]}`,
		"rules: [{method: a, when: '.n == 1', chance: 5%, times: 1, delay: 1ms..2ms, answer: '{{.Text 3}}'}]", "rules: &a [*a]", "&a {rules: *a}", "? [a]: b",
	} {
		f.Add(text)
	}
	svc, find := service(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse([]byte(text), find, 1)
		if err != nil {
			return
		}
		for _, rule := range r.rules {
			rule.when = nil // an expression may run for ever
		}
		m := svc.Method("a")
		r.Answer(t.Context(), svc, m, dynamic.New(m.Args))
	})
}
