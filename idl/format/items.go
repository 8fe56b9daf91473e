package format

import (
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/internal/columns"
)

// An item is a token with what stands before it. Separators that may be left out are no items.
type item struct {
	text     string
	comments []comment // before it, also of the separator before
	match    int32     // of the opener of a list the closer, and the other way round; 0 for others
	before   int32     // how many of the comments stand before the separator; -1 without one
	width    int32
	end      int32 // columns from the beginning of the file, were it all on one line
	kind     kind
	lead     uint8 // columns between the item and the one before on one line: 2 is ", "
	mark     mark
	newlines bool // between the last comment, or else the item before, and the item
	blank    bool // the same for a blank line
	broken   bool // of an opener: the list cannot be on one line
	lines    bool // it is a string of several lines
}

// A kind is what an item is for the layout.
type kind uint8

const (
	word   kind = iota
	opener      // of a list that may be broken
	block       // the opener of a definition's body
	closer      // of either
	last        // the end of the file
)

type comment struct {
	text     string
	column   int32 // in which it began, if it has several lines
	newlines bool  // before it
	blank    bool
	line     bool // it ends with the line
	lines    bool // it has several lines
	goesOn   bool // with the one before it, which stands after something on its line or goes on itself
}

// endsLine is whether nothing can stay on one line with what is before c.
func (c *comment) endsLine() bool { return c.line || c.lines }

// A collector makes items of tokens.
type collector struct {
	file     *syntax.File
	items    []item
	comments []comment     // of all items
	first    syntax.Trivia // the last comment that began no line
	last     syntax.Trivia // the last comment
	from     int           // the first of those of the next item
	newlines int           // since the last comment or item
	before   int
	open     []int32 // openers, and -1 for each "<"
	foreign  int     // brackets that are open in xsd_attrs, which the tree does not have

	elements   int // of bodies, except for last ones without a separator
	separators [2]int

	short      bool // the definition is a constant or a typedef
	shorts     int
	semicolons int // after those
}

// items returns the items of f, the separator that prevails in it, and whether most constants and typedefs end with ";".
func items(f *syntax.File, marks []mark) (list []item, sep Separator, semicolons bool) {
	c := &collector{file: f, items: make([]item, 0, len(f.Tokens)), before: -1}
	for i, t := range f.Tokens {
		text := f.Text(t.Range())
		c.gap(i)
		switch {
		case (text == "," || text == ";") && c.foreign == 0 && !c.inAngles() && marks[i]&(keepSeparator|verbatim) == 0:
			c.before = len(c.comments) - c.from
			if c.inBody() {
				c.separators[strings.IndexByte(",;", text[0])]++
			} else if len(c.open) == 0 && c.short && text == ";" {
				c.semicolons++
			}
		default:
			c.add(t, text, marks[i])
		}
	}
	return c.items, c.prevailing(), 2*c.semicolons > c.shorts
}

// inBody is whether the innermost thing that is open is the body of a definition.
func (c *collector) inBody() bool {
	top := len(c.open) - 1
	return top >= 0 && c.open[top] >= 0 && c.items[c.open[top]].kind == block
}

func (c *collector) prevailing() Separator {
	commas, semicolons := c.separators[0], c.separators[1]
	none := c.elements - commas - semicolons
	switch {
	case commas+semicolons == 0 && len(c.items) > 1:
		return NoSeparator
	case commas >= semicolons && commas >= none:
		return Comma
	case semicolons >= none:
		return Semicolon
	}
	return NoSeparator
}

func (c *collector) inAngles() bool { return len(c.open) > 0 && c.open[len(c.open)-1] < 0 }

// gap reads what stands before token i.
func (c *collector) gap(i int) {
	s := syntax.Span{End: c.file.Tokens[i].Range().Start}
	if i > 0 {
		s.Start = c.file.Tokens[i-1].Range().End
	}
	text := c.file.Text(s)
	if strings.IndexByte(text, '/') < 0 && strings.IndexByte(text, '#') < 0 {
		c.newlines += strings.Count(text, "\n")
		return
	}
	for _, t := range c.file.Trivia(i) {
		switch t.Kind {
		case syntax.Newline:
			c.newlines++
		case syntax.LineComment, syntax.BlockComment, syntax.DocComment:
			c.comment(i, t)
		}
	}
}

// comment reads a comment before token i.
func (c *collector) comment(i int, t syntax.Trivia) {
	n := comment{text: c.file.Text(t.Span), newlines: c.newlines > 0, blank: c.newlines > 1, line: t.Kind == syntax.LineComment}
	if n.line {
		n.text = strings.TrimRight(n.text, blanks)
	} else if n.lines = strings.IndexByte(n.text, '\n') >= 0; n.lines {
		n.text = trimLines(n.text)
		n.column = int32(columnAt(c.file.Source, t.Start))
	}
	switch {
	case len(c.comments) == c.from || !n.newlines:
		c.first = t
	case c.first == c.last || c.comments[len(c.comments)-1].goesOn:
		n.goesOn = c.file.Continues(i, c.first, c.last, t)
	}
	c.last = t
	c.comments = append(c.comments, n)
	c.newlines = 0
}

func (c *collector) add(t syntax.Token, text string, m mark) {
	n := len(c.items)
	i := item{
		text: text, mark: m, comments: c.comments[c.from:len(c.comments):len(c.comments)], before: int32(c.before),
		newlines: c.newlines > 0, blank: c.newlines > 1, width: int32(len(text)),
	}
	c.from, c.newlines, c.before = len(c.comments), 0, -1
	switch {
	case len(c.open) == 0 && m&begins != 0:
		if c.short = isShort(text); c.short {
			c.shorts++
		}
	case !c.inBody():
	case m&(begins|annotates) == begins:
		c.elements++
	case text == "}" && n > 0 && i.before < 0 && c.items[n-1].kind != block:
		c.elements--
	}
	switch t.Kind() {
	case syntax.EOF:
		i.kind = last
	case syntax.String:
		i.width = int32(columns.Editor.Advance(0, text))
		if line, _, several := strings.Cut(text, "\n"); several {
			i.width, i.lines = int32(columns.Editor.Advance(0, line)), true
		}
	case syntax.Punctuation:
		if m&verbatim == 0 || text != "<" && text != ">" {
			c.punctuation(&i, n)
		}
	}
	if n > 0 {
		i.lead = c.lead(&i)
		i.end = c.items[n-1].end + int32(i.lead)
	}
	for k := range i.comments {
		if !i.comments[k].endsLine() {
			i.end += int32(columns.Editor.Advance(0, i.comments[k].text)) + 1
		}
	}
	i.end += i.width
	c.breaks(&i)
	c.items = append(c.items, i)
	if i.opens() {
		c.open = append(c.open, int32(n))
	}
}

// isShort is whether a definition that begins with keyword is one after which Apache Thrift accepts a separator.
func isShort(keyword string) bool { return keyword == "const" || keyword == "typedef" }

// punctuation finds out about i, which will be item n.
func (c *collector) punctuation(i *item, n int) {
	switch i.text {
	case "(", "[", "{":
		switch {
		case c.foreign > 0 || c.items[n-1].text == "xsd_attrs":
			c.foreign++
		case i.text == "{" && i.mark&ofValue == 0:
			i.kind = block
		default:
			i.kind = opener
		}
	case ")", "]", "}":
		if c.foreign > 0 {
			c.foreign--
			return
		}
		i.kind = closer
		i.match = c.open[len(c.open)-1]
		c.items[i.match].match = int32(n)
	case "<":
		if c.foreign == 0 {
			c.open = append(c.open, -1)
		}
	case ">":
		if c.foreign == 0 {
			c.open = c.open[:len(c.open)-1]
		}
	}
}

// lead returns the columns before i on one line.
func (c *collector) lead(i *item) uint8 {
	before := &c.items[len(c.items)-1]
	switch {
	case i.mark&ofType != 0:
		return 0
	case i.mark&verbatim == 0 || i.mark&annotates != 0:
	case i.mark&begins != 0 && before.kind != opener:
		return 2
	case i.mark&begins == 0 && (before.text == "@" || i.text == "{" && before.text != "=" && before.text != ":"):
		return 0
	}
	switch i.text {
	case ")", "]", ">", ",", ";", ":":
		return 0
	case "}":
		if i.kind == closer || i.mark&verbatim != 0 {
			return 0
		}
	case "(":
		if i.mark&ofFunction != 0 {
			return 0
		}
	case "<":
		if before.text[0] != '"' && before.text[0] != '\'' { // after cpp_type it looks lost
			return 0
		}
	}
	switch {
	case before.text == "<" || before.kind == opener || before.text == "(" || before.text == "[":
		return 0
	case i.mark&begins != 0 && len(c.open) > 0 && before.mark&verbatim == 0:
		return 2
	}
	return 1
}

// breaks notes which lists cannot be on one line because of i, and closes the one that it ends.
func (c *collector) breaks(i *item) {
	ends := false
	for k := range i.comments {
		ends = ends || i.comments[k].endsLine()
	}
	top := len(c.open) - 1
	if top >= 0 && c.open[top] >= 0 {
		of := &c.items[c.open[top]]
		empty := int(c.open[top]) == len(c.items)-1 && i.kind == closer
		switch {
		case ends, of.kind == block && (!empty || len(i.comments) > 0), of.mark&ofValue != 0 && i.mark&begins != 0 && i.startsLine():
			of.broken = true
		case (i.mark&begins != 0 || i.kind == closer) && !empty && len(i.comments) > 0:
			of.broken = true
		}
	} else if ends {
		c.breakOuter(top)
	}
	if i.kind == closer {
		broken := c.items[i.match].broken
		c.open = c.open[:top]
		if broken {
			c.breakOuter(top - 1)
		}
	}
}

// startsLine is whether there is a newline before it.
func (i *item) startsLine() bool {
	for k := range i.comments {
		if i.comments[k].newlines {
			return true
		}
	}
	return i.newlines
}

// breakOuter breaks the innermost list around the first n+1 of what is open.
func (c *collector) breakOuter(n int) {
	for ; n >= 0; n-- {
		if c.open[n] >= 0 {
			c.items[c.open[n]].broken = true
			return
		}
	}
}
