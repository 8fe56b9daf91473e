package syntax

import (
	"strconv"
	"strings"
)

// value reads a constant value; nil if there is none.
func (p *parser) value() Value {
	start := p.pos
	switch o := p.op(); o {
	case opInt:
		return p.intLit("")
	case opDouble:
		return p.doubleLit()
	case opString:
		return p.stringLit()
	case opTrue, opFalse:
		p.next()
		return &BoolLit{p.since(start), o == opTrue}
	case opName:
		if p.peek(1) == opBrace && (p.peek(2).isFieldName() && p.peek(3) == opEqual || p.peek(2) == opUnbrace) {
			return p.structValue()
		}
		id := p.ident()
		return &NameValue{id.Span, id.Text}
	case opBracket, opBrace:
		if !p.enter() {
			p.skipBalanced()
			return nil
		}
		defer p.leave()
		p.next()
		if o == opBracket {
			mark := p.values.mark()
			p.list("a value", (*parser).listElem)
			return &ListValue{Elems: p.values.cut(mark), Span: p.since(start)}
		}
		mark := p.entries.mark()
		p.list("a key", (*parser).mapEntry)
		return &MapValue{Entries: p.entries.cut(mark), Span: p.since(start)}
	}
	p.expected("a value")
	return nil
}

// structValue reads fbthrift's Type{field = value}.
func (p *parser) structValue() Value {
	start := p.pos
	if !p.enter() {
		p.next()
		p.skipBalanced()
		return nil
	}
	defer p.leave()
	p.foreign(start, "a value with its type")
	v := &MapValue{Type: p.ident()}
	p.next()
	mark := p.entries.mark()
	p.list("the name of a field", (*parser).structEntry)
	v.Entries = p.entries.cut(mark)
	v.Span = p.since(start)
	return v
}

func (p *parser) structEntry() bool {
	if !p.op().isFieldName() {
		p.expected(item)
		return false
	}
	name := p.ident()
	e := MapEntry{Key: &StringLit{name.Span, name.Text}}
	if !p.got(opEqual) {
		p.expected(`"=" after the name of a field`)
		return false
	}
	if e.Value = p.value(); e.Value == nil {
		return false
	}
	p.entries.push(e)
	return true
}

func (p *parser) listElem() bool {
	if !p.canBeValue() {
		p.expected(item)
		return false
	}
	v := p.value()
	if v != nil {
		p.values.push(v)
	}
	return v != nil
}

// canBeValue is whether the current token may begin a value.
func (p *parser) canBeValue() bool {
	switch o := p.op(); o {
	case opInt, opDouble, opString, opTrue, opFalse, opName, opBracket, opBrace:
		return true
	}
	return false
}

func (p *parser) mapEntry() bool {
	if !p.canBeValue() {
		p.expected(item)
		return false
	}
	var e MapEntry
	if e.Key = p.value(); e.Key == nil {
		return false
	}
	if !p.got(opColon) {
		hint := ""
		if p.op().isSeparator() || p.op() == opUnbrace {
			hint = "sets are written with [ and ]"
		}
		p.expectedHint(`":" after the key`, hint)
		if hint != "" {
			p.skipSet()
		}
		return false
	}
	if e.Value = p.value(); e.Value == nil {
		return false
	}
	p.entries.push(e)
	return true
}

// skipSet steps over the rest of a set in braces, so that it is reported once.
func (p *parser) skipSet() {
	for p.op() != opUnbrace && !p.endsList() {
		if p.op().opens() {
			p.skipBalanced()
		} else {
			p.next()
		}
	}
}

// intLit reads an integer. Apache Thrift has it that true is 1 and false is 0.
func (p *parser) intLit(what string) *IntLit {
	n := p.intSlab.alloc()
	n.Span = p.tok().Range()
	switch o := p.op(); o {
	case opInt:
		if p.tok().flags&malformed == 0 {
			var ok bool
			if n.Int, ok = parseInt(p.text()); !ok {
				n.Int = 0 // what it is not is said once
				hint := ""
				if digits, ok := strings.CutPrefix(p.text(), "0x"); ok {
					if bits, err := strconv.ParseUint(digits, 16, 64); err == nil {
						hint = "with these bits it is " + strconv.FormatInt(int64(bits), 10)
					}
				}
				p.errorAt(p.pos, "int-range", hint, "%s does not fit 64 bits", quote(p.text()))
			}
		}
	case opTrue, opFalse:
		if o == opTrue {
			n.Int = 1
		}
		p.warn(n.Span, "bool-as-int", "write "+strconv.FormatInt(n.Int, 10), "%s stands for %s", quote(p.text()), what)
	default:
		p.expected(what)
		return nil
	}
	p.next()
	return n
}

// parseInt reads digits, or 0x and hexadecimal digits, with an optional sign.
func parseInt(s string) (int64, bool) {
	if len(s) <= 4 && s[0] != '-' && s[0] != '+' && strings.IndexByte(s, 'x') < 0 { // nearly all
		n := 0
		for i := range len(s) {
			n = n*10 + int(s[i]-'0')
		}
		return int64(n), true
	}
	sign, digits, base := "", s, 10
	if s[0] == '-' || s[0] == '+' {
		sign, digits = s[:1], s[1:]
	}
	if strings.HasPrefix(digits, "0x") {
		digits, base = digits[2:], 16
	}
	n, err := strconv.ParseInt(sign+digits, base, 64)
	return n, err == nil
}

func (p *parser) doubleLit() *DoubleLit {
	d := &DoubleLit{Span: p.tok().Range()}
	if p.tok().flags&malformed == 0 {
		var err error
		if d.Double, err = strconv.ParseFloat(p.text(), 64); err != nil {
			p.warn(d.Span, "double-range", "", "%s is too large for a double and becomes infinite", quote(p.text()))
		}
	}
	p.next()
	return d
}

func (p *parser) stringLit() *StringLit {
	s := p.stringSlab.alloc()
	t := p.tok()
	s.Span, s.Text = t.Range(), stringText(p.text(), t.flags)
	p.next()
	return s
}
