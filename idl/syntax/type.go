package syntax

// typ reads a type; what names it in messages.
func (p *parser) typ(what string) Type {
	start := p.pos
	switch o := p.op(); {
	case o == opName:
		return p.namedType()
	case o.isBaseType():
		t := p.baseSlab.alloc()
		t.Name = p.text()
		p.next()
		t.Annotations = p.annots()
		t.Span = p.since(start)
		return t
	case o == opMap, o == opSet, o == opList:
		return p.containerType()
	case o == opVoid && p.peek(1) != opParen:
		p.expectedHint(what, `only the result of a function can be "void"`)
		p.next()
	default:
		p.expected(what)
	}
	return nil
}

func (p *parser) namedType() Type {
	t := p.namedSlab.alloc()
	t.Span, t.Name = p.tok().Range(), p.text()
	p.next()
	if t.Name == "slist" && p.op() != opAngle {
		p.slists = append(p.slists, t.Span)
	}
	switch p.op() {
	case opAngle:
		hint := ""
		if word := nearest(t.Name, "list", "set", "map"); word != "" {
			hint = "did you mean " + quote(word) + "?"
		}
		p.errorAt(p.pos, "syntax", hint, `%s accepts no types in "<>"; only list, set and map do`, quote(t.Name))
		p.next()
		p.closeAngle()
		return nil
	case opParen:
		if p.peek(1) == opName && p.peek(2) == opEqual {
			if p.isFBThrift() {
				t.Annotations = p.annots()
				t.End = int(p.toks[p.pos-1].end)
				break
			}
			p.errorAt(p.pos, "misplaced-annotation", "write them after the name of the field, or on a typedef",
				"the name of a type cannot have annotations")
			t.Annotations = p.annots()
			t.End = int(p.toks[p.pos-1].end)
		}
	}
	return t
}

// checkSlists reports the old type slist, unless the file defines a type of that name.
func (p *parser) checkSlists() {
	if len(p.slists) == 0 {
		return
	}
	for _, d := range p.file.Defs {
		switch d := d.(type) {
		case *Struct:
			if d.Name.Text == "slist" {
				return
			}
		case *Typedef:
			if d.Name.Text == "slist" {
				return
			}
		case *Enum:
			if d.Name.Text == "slist" {
				return
			}
		}
	}
	for _, s := range p.slists {
		p.add(Error, "removed", s, "use the type string", `"slist" is no longer part of Thrift`)
	}
}

// containerType reads map<K,V>, set<T> or list<T>.
func (p *parser) containerType() Type {
	start, o := p.pos, p.op()
	if !p.enter() {
		p.skipType()
		return nil
	}
	defer p.leave()
	p.next()
	cppType := p.cppType()
	if !p.got(opAngle) {
		p.expected(`"<"`)
		if p.op() == o && p.peek(1) == opAngle { // the word is there twice
			return p.containerType()
		}
		return nil
	}
	var key, elem Type
	if o == opMap {
		key = p.typ("the type of the keys")
		if !p.mapComma() {
			return nil
		}
	}
	elem = p.typ("the type of the elements")
	if !p.got(opUnangle) {
		p.unclosedAngle(start)
		p.closeAngle()
	}
	if p.op() == opCppType {
		if trailing := p.trailingCppType(o); cppType == nil {
			cppType = trailing
		}
	}
	annotations := p.annots()
	if elem == nil || o == opMap && key == nil {
		return nil
	}
	s := p.since(start)
	switch o {
	case opMap:
		t := p.mapSlab.alloc()
		*t = MapType{s, key, elem, cppType, annotations}
		return t
	case opSet:
		return &SetType{s, elem, cppType, annotations}
	}
	t := p.listSlab.alloc()
	*t = ListType{s, elem, cppType, annotations}
	return t
}

// mapComma reads the "," between the types of a map.
func (p *parser) mapComma() bool {
	if p.got(opComma) {
		return true
	}
	p.expected(`","`)
	if p.got(opSemicolon) {
		return true
	}
	p.closeAngle()
	return false
}

func (p *parser) unclosedAngle(start int) {
	d := p.errorAt(p.pos, "syntax", "", `expected ">", found %s`, p.found())
	for i := start; i < p.pos; i++ {
		if p.toks[i].op == opAngle {
			p.relateOpening(d, i)
			return
		}
	}
}

// closeAngle steps past the ">" that closes the current "<", if it is near.
func (p *parser) closeAngle() {
	const lookahead = 32
	depth := 1
	for i := 0; i < lookahead; i++ {
		switch o := p.peek(i); {
		case o == opAngle:
			depth++
		case o == opUnangle:
			if depth--; depth == 0 {
				p.pos += i + 1
				return
			}
		case o == opEOF, o == opSemicolon, o == opEqual, o == opColon, o.closes(), o.isDefinition():
			return
		}
	}
}

// skipType steps over a container type, however deep it is.
func (p *parser) skipType() {
	p.next()
	for depth := 0; ; p.next() {
		for p.op() == opParen {
			p.skipBalanced()
		}
		switch o := p.op(); {
		case o == opAngle:
			depth++
		case o == opUnangle:
			if depth--; depth <= 0 {
				p.next()
				if p.op() == opParen {
					p.skipBalanced()
				}
				return
			}
		case depth == 0 && o != opCppType && o != opString:
			return
		case o == opEOF, o == opSemicolon, o == opColon, o == opUnbrace, o.isDefinition():
			return
		}
	}
}

// cppType reads cpp_type and its string, if there is one.
func (p *parser) cppType() *StringLit {
	if !p.got(opCppType) {
		return nil
	}
	if p.op() == opString {
		return p.stringLit()
	}
	p.expected(`a string after "cpp_type"`)
	if p.canBeValue() && p.peek(1) == opAngle {
		p.next()
	}
	return nil
}

// trailingCppType reads a cpp_type after ">", which is an old way to write it for lists.
func (p *parser) trailingCppType(container op) *StringLit {
	if container == opList {
		p.warn(p.tok().Range(), "deprecated", `write it before "<"`, `"cpp_type" after a list is deprecated`)
	} else {
		p.errorAt(p.pos, "syntax", "", `"cpp_type" must stand before "<"`)
	}
	return p.cppType()
}
