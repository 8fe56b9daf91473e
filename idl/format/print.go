package format

import (
	"strings"

	"github.com/thriftkit/thriftkit/internal/columns"
)

// A printer writes items.
type printer struct {
	Options
	items      []item
	semicolons bool // after constants and typedefs

	pads  []int // blanks before items for columns; nil without
	tails []int // blanks before the comments after the line before items
	out   []byte
	col   int
}

func (p *printer) write(s string) {
	p.out = append(p.out, s...)
	if n := strings.LastIndexByte(s, '\n'); n >= 0 {
		p.col, s = 0, s[n+1:]
	}
	p.col = columns.Editor.Advance(p.col, s)
}

// token is write for the text of an item.
func (p *printer) token(it *item) {
	if c := it.text[0]; c == '"' || c == '\'' { // what a tab in it takes depends on the column
		p.write(it.text)
		return
	}
	p.out = append(p.out, it.text...)
	p.col += int(it.width)
}

// comment is write for the text of a comment. After one that ends the line, its column is of no use.
func (p *printer) comment(c *comment) {
	if c.line {
		p.out = append(p.out, c.text...)
	} else {
		p.write(c.text)
	}
}

// separator is write for a "," or ";", or nothing.
func (p *printer) separator(s string) {
	p.out = append(p.out, s...)
	p.col += len(s)
}

// line ends the line, if there is one, and begins another after a blank line if asked to.
func (p *printer) line(indent int, blankLine bool) {
	if len(p.out) > 0 {
		if p.out = append(p.out, '\n'); blankLine {
			p.out = append(p.out, '\n')
		}
	}
	p.blanks(indent)
	p.col = indent
}

func (p *printer) blanks(n int) {
	for range n {
		p.out = append(p.out, ' ')
	}
	p.col += n
}

func (p *printer) file() {
	before := none
	i := 0
	if p.Align {
		p.alignDefinitions()
	}
	for p.items[i].kind != last {
		end := p.next(i)
		is := p.definitionKind(i, end)
		if before == annotation {
			p.gap(i, 0, 0, false)
		} else {
			whole := is
			for at := i; whole == annotation && p.items[at].kind != last; {
				at = p.next(at)
				whole = p.definitionKind(at, p.next(at))
			}
			p.gap(i, 0, 0, before != none && (before != whole || whole == bodied))
		}
		p.segment(i, end, 0, p.ending(i))
		if p.ending(i) > 0 {
			p.separator(";")
		}
		before, i = is, end
	}
	p.gap(i, 0, 0, false)
	for len(p.out) > 0 && p.out[len(p.out)-1] == '\n' {
		p.out = p.out[:len(p.out)-1]
	}
	if len(p.out) > 0 {
		p.out = append(p.out, '\n')
	}
}

// ending returns the columns of the separator after the definition that begins with item i.
func (p *printer) ending(i int) int {
	if p.semicolons && isShort(p.items[i].text) {
		return 1
	}
	return 0
}

// alignDefinitions finds the blanks before the comments after constants and typedefs that follow each other.
func (p *printer) alignDefinitions() {
	var rows [][2]int
	for i := 0; p.items[i].kind != last; {
		after := p.next(i)
		isRow := isShort(p.items[i].text) && p.isRow(i, after, p.ending(i))
		if !isRow || p.items[i].hasBlank() {
			p.alignComments(rows, make([]int, len(rows)))
			rows = rows[:0]
		}
		if isRow {
			rows = append(rows, [2]int{i, after})
		}
		i = after
	}
	p.alignComments(rows, make([]int, len(rows)))
}

// A definitionKind is what blank lines between definitions depend on.
type definitionKind uint8

const (
	none       definitionKind = iota
	header                    // include and the like
	short                     // a definition of one line
	bodied                    // one with a body
	annotation                // a structured one, of what follows
)

func (p *printer) definitionKind(lo, hi int) definitionKind {
	if p.items[lo].mark&annotates != 0 {
		return annotation
	}
	switch p.items[lo].text {
	case "include", "cpp_include", "hs_include", "namespace", "package":
		return header
	}
	for i := lo; i < hi; i++ {
		if p.items[i].kind == block && p.items[i].broken {
			return bodied
		}
	}
	return short
}

// next returns the item that begins the element after the one that begins with item i, or ends the
// list.
func (p *printer) next(i int) int {
	for {
		if it := &p.items[i]; it.opens() {
			i = int(it.match)
		}
		i++
		if it := &p.items[i]; it.mark&begins != 0 || it.kind == closer || it.kind == last {
			return i
		}
	}
}

// gap writes what stands between item i and the one before, where i begins a line after indent
// blanks and comments on lines of their own have inner. It asks for a blank line if there is none.
func (p *printer) gap(i, inner, indent int, wantBlank bool) {
	it := &p.items[i]
	ends := it.kind == closer || it.kind == last
	starts := i == 0 || p.items[i-1].opens()
	trailing := 0
	if i > 0 {
		trailing = it.trailing(starts, ends)
	}
	at := 0 // the column of the last of them
	for k := range it.comments[:trailing] {
		p.blanks(1)
		if k == 0 && p.tails != nil {
			p.blanks(p.tails[i])
		}
		at = p.col
		p.comment(&it.comments[k])
	}
	lead := it.comments[trailing:]
	for trailing > 0 && len(lead) > 0 && lead[0].goesOn {
		p.line(at, false)
		p.comment(&lead[0])
		lead, trailing = lead[1:], trailing+1
	}
	blankLine := wantBlank && !it.hasBlank()
	for k := range lead {
		c := &lead[k]
		if k > 0 && !c.newlines {
			p.blanks(1)
			p.comment(c)
			continue
		}
		p.line(inner, (c.blank || blankLine) && !starts)
		starts, blankLine = false, false
		if c.lines {
			p.write(c.shifted(inner))
		} else {
			p.comment(c)
		}
	}
	if !ends && it.afterComment(trailing) {
		p.blanks(1)
		return
	}
	p.line(indent, (it.blank || blankLine) && !starts && !ends)
}

// opens is whether a list begins with it.
func (it *item) opens() bool { return it.kind == opener || it.kind == block }

func (it *item) hasBlank() bool {
	for k := range it.comments {
		if it.comments[k].blank {
			return true
		}
	}
	return it.blank
}

// trailing returns how many of the comments before it stand after the line before: those on
// that line, if a newline follows. On a line with all of it, the separator decides.
func (it *item) trailing(starts, ends bool) int {
	n := 0
	for n < len(it.comments) && !it.comments[n].newlines {
		n++
	}
	switch {
	case n < len(it.comments) || it.newlines || ends && !starts:
		return n
	case it.before >= 0:
		return min(n, int(it.before))
	}
	return 0
}

// afterComment is whether it follows the last of its comments on one line, if these are all but
// the trailing ones.
func (it *item) afterComment(trailing int) bool {
	n := len(it.comments)
	return n > trailing && !it.comments[n-1].endsLine() && !it.newlines
}

// segment writes items lo to hi, after which there are tail more columns, on one line if that is
// possible. The caller has written what stands before the first one.
func (p *printer) segment(lo, hi, indent, tail int) {
	for {
		open := p.toBreak(lo, hi, p.col+tail)
		if open < 0 {
			p.flat(lo, hi, indent)
			return
		}
		p.segment(lo, open+1, indent, 0)
		lo = int(p.items[open].match)
		p.body(open, lo, indent)
	}
}

// toBreak returns the opener of the list to break first if items lo to hi come after col columns;
// -1 for none.
func (p *printer) toBreak(lo, hi, col int) int {
	const enough = 16 // lists to choose from: more would be slow
	first := &p.items[lo]
	fits := col+int(p.items[hi-1].end-first.end+first.width) <= p.Width
	widest, width, lists := -1, int32(0), 0
	for i := lo; i < hi && (fits || lists < enough); i++ {
		it := &p.items[i]
		end := int(it.match)
		if !it.opens() || end >= hi {
			continue
		}
		if it.broken {
			return i
		}
		if w := p.items[end].end - it.end; end > i+1 && w > width {
			widest, width = i, w
		}
		lists++
		i = end
	}
	if fits {
		return -1
	}
	if widest >= 0 { // where what stands before it does not fit either, it may stay whole when that is broken
		if first := p.toBreak(lo, widest+1, col); first >= 0 {
			return first
		}
	}
	return widest
}

// flat writes items lo to hi on one line.
func (p *printer) flat(lo, hi, indent int) {
	for i := lo; i < hi; i++ {
		if i > lo {
			p.inlineGap(i, indent)
		}
		p.token(&p.items[i])
	}
}

// inlineGap writes what stands before item i, which does not begin a line.
func (p *printer) inlineGap(i, indent int) {
	it := &p.items[i]
	lead := int(it.lead)
	if lead == 2 {
		p.separator(",")
		lead = 1
	}
	more := indent + 2*p.Indent // for the rest after a comment that ends a line
	ended := false
	for k := range it.comments {
		c := &it.comments[k]
		if ended || c.line && c.newlines {
			p.line(more, false)
		} else if k > 0 || !strings.Contains("([{<", p.items[i-1].text) {
			p.blanks(1)
		}
		p.comment(c)
		ended = c.line
	}
	if ended {
		if it.kind == block || it.kind == closer {
			more = indent
		}
		p.line(more, false)
	} else {
		if len(it.comments) > 0 {
			lead = 1
			if strings.Contains(")]>,;:", it.text) {
				lead = 0
			}
		}
		p.blanks(lead)
	}
	if p.pads != nil {
		p.blanks(p.pads[i])
	}
}

// body writes what stands between the brackets of a list, an element a line.
func (p *printer) body(open, end, indent int) {
	inner := indent + p.Indent
	sep := ","
	if p.items[open].kind == block {
		sep = [...]string{Comma: ",", Semicolon: ";", NoSeparator: ""}[p.Separator]
	}
	if p.Align {
		p.align(open, end, inner+len(sep))
	}
	for i := open + 1; i < end; {
		after := p.next(i)
		p.gap(i, inner, inner, false)
		if p.items[i].mark&annotates != 0 {
			p.segment(i, after, inner, 0)
		} else {
			p.segment(i, after, inner, len(sep))
			p.separator(sep)
		}
		i = after
	}
	p.gap(end, inner, indent, false)
}

// align finds the columns of the list between open and end, whose elements come after col columns.
func (p *printer) align(open, end, col int) {
	var rows [][2]int
	for i := open + 1; i < end; {
		after := p.next(i)
		isRow := p.isRow(i, after, col)
		if !isRow || p.items[i].hasBlank() {
			p.alignRows(rows, col)
			rows = rows[:0]
		}
		if isRow {
			rows = append(rows, [2]int{i, after})
		}
		i = after
	}
	p.alignRows(rows, col)
}

// isRow is whether items lo to hi, an element, are on one line from its beginning.
func (p *printer) isRow(lo, hi, col int) bool {
	first := &p.items[lo]
	if lo > 0 && first.afterComment(first.trailing(p.items[lo-1].opens(), false)) {
		return false
	}
	if first.mark&annotates != 0 {
		return false
	}
	for i := lo + 1; i < hi; i++ {
		if p.items[i].lines {
			return false
		}
		for k := range p.items[i].comments {
			if p.items[i].comments[k].endsLine() {
				return false
			}
		}
	}
	return p.toBreak(lo, hi, col) < 0
}

// alignRows finds the blanks before the columns of elements that follow each other, after col columns. One that its columns make
// too long for its line has none, and separates those before and after it.
func (p *printer) alignRows(rows [][2]int, col int) { p.alignSome(rows, col, 16) }

// alignSome is alignRows. It leaves out one row at a time, the longest, at most tries times, and then all that are too long: those
// that are left have narrower columns.
func (p *printer) alignSome(rows [][2]int, col, tries int) {
	shift := p.shift(rows)
	var out []int
	most := -1
	for r, row := range rows {
		if p.toBreak(row[0], row[1], col+shift[r]) < 0 {
			continue
		}
		width := p.offset(row[0], row[1]-1)
		if tries > 0 && width <= most {
			continue
		}
		if most = width; tries > 0 {
			out = out[:0]
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		p.alignComments(rows, shift)
		return
	}
	from := 0
	for _, r := range append(out, len(rows)) {
		if r < len(rows) {
			clear(p.pads[rows[r][0]:rows[r][1]])
		}
		p.alignSome(rows[from:r], col, max(tries-1, 0))
		from = r + 1
	}
}

// shift sets the blanks before the columns of rows, and returns how many each row has.
func (p *printer) shift(rows [][2]int) []int {
	shift := make([]int, len(rows))
	at := make([]int, len(rows))
	for _, column := range alignedMarks {
		most := 0
		for r, row := range rows {
			at[r] = p.columnItem(row, column)
			if at[r] > 0 {
				most = max(most, p.offset(row[0], at[r])+shift[r])
			}
		}
		for r, row := range rows {
			if at[r] > 0 {
				p.pads[at[r]] = most - p.offset(row[0], at[r]) - shift[r]
				shift[r] += p.pads[at[r]]
			}
		}
	}
	return shift
}

// alignComments finds the blanks before the comments after rows, whose columns are shifted.
func (p *printer) alignComments(rows [][2]int, shift []int) {
	most := 0
	for pass := range 2 {
		for r, row := range rows {
			next := &p.items[row[1]]
			if next.trailing(false, next.kind == closer) == 0 {
				continue
			}
			last := &p.items[row[1]-1]
			width := p.offset(row[0], row[1]-1) + int(last.width) + shift[r]
			if pass == 0 {
				most = max(most, width)
			} else {
				p.tails[row[1]] = most - width
			}
		}
	}
}

// columnItem returns the item of a row that begins a column; 0 if it has none or begins the row.
func (p *printer) columnItem(row [2]int, column mark) int {
	for i := row[0] + 1; i < row[1]; i++ {
		switch it := &p.items[i]; {
		case it.mark&column != 0:
			return i
		case it.opens():
			i = int(it.match)
		}
	}
	return 0
}

// offset returns the columns between the beginnings of two items on one line.
func (p *printer) offset(first, i int) int {
	a, b := &p.items[first], &p.items[i]
	return int(b.end - b.width - a.end + a.width)
}
