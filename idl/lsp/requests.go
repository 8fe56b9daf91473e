package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"
	"github.com/thriftkit/thriftkit/idl/analysis"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// positionOf returns the place of an offset. Columns count UTF-16 code units; a byte that is not
// UTF-8 counts as one.
func positionOf(t *syntax.File, offset int) position {
	offset = min(max(offset, 0), len(t.Source))
	p := t.Place(syntax.Span{Start: offset, End: offset})
	return position{p.Line - 1, units(t.Source[offset-p.Column+1 : offset])}
}

func units(text []byte) int {
	n := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if n++; r >= 0x10000 {
			n++
		}
		text = text[size:]
	}
	return n
}

// offsetOf is the inverse of positionOf. What is beyond the end of a line is its end.
func offsetOf(t *syntax.File, p position) int {
	if p.Line < 0 || p.Line >= t.LineCount() {
		return len(t.Source)
	}
	at := t.Offset(p.Line+1, 1)
	for n := 0; n < p.Character && at < len(t.Source) && t.Source[at] != '\n'; {
		r, size := utf8.DecodeRune(t.Source[at:])
		if n++; r >= 0x10000 {
			n++
		}
		at += size
	}
	return at
}

func rangeOf(t *syntax.File, s syntax.Span) textRange {
	return textRange{positionOf(t, s.Start), positionOf(t, s.End)}
}

func spanOf(t *syntax.File, r textRange) syntax.Span {
	s := syntax.Span{Start: offsetOf(t, r.Start), End: offsetOf(t, r.End)}
	s.End = max(s.Start, s.End)
	return s
}

// at returns the view and the offset that a request is about; ok is false if the file is not known.
func (s *server) at(p positionParams) (v *analysis.View, file string, offset int, ok bool) {
	file = pathOf(p.TextDocument.URI)
	v = s.work.View(file)
	f := v.File(file)
	if f == nil {
		return nil, "", 0, false
	}
	return v, file, offsetOf(f.Tree, p.Position), true
}

func locationOf(p analysis.Place) location {
	return location{uriOf(p.File.Path), rangeOf(p.File, p.Span)}
}

func (s *server) diagnostics(file string) []diagnostic { return diagnosticsOf(s.work.View(file), file) }

func diagnosticsOf(v *analysis.View, file string) []diagnostic {
	list := []diagnostic{}
	f := v.File(file)
	if f == nil {
		return list
	}
	for _, x := range v.Findings(file) {
		list = append(list, diagnosticOf(v, f, x))
	}
	return list
}

func diagnosticOf(v *analysis.View, f *symbols.File, x *lint.Finding) diagnostic {
	message := x.Message
	if x.Hint != "" {
		message += " (" + x.Hint + ")"
	}
	d := diagnostic{Range: rangeOf(f.Tree, x.Span), Severity: int(x.Severity) + 1, Code: x.Code, Source: "thriftkit", Message: strings.ToValidUTF8(message, "\uFFFD")}
	switch x.Code {
	case "INCLUDE_UNUSED", "TYPE_UNUSED", "TYPEDEF_UNUSED", "IGNORE_UNUSED":
		d.Tags = []int{1} // unnecessary
	case "DEPRECATED_USED", "TYPE_DEPRECATED":
		d.Tags = []int{2} // deprecated
	}
	for _, r := range x.Related {
		at := location{URI: uriOf(r.File)}
		if other := v.File(r.File); other != nil {
			at.Range = rangeOf(other.Tree, syntax.Span{Start: other.Tree.Offset(r.Line, r.Column), End: other.Tree.Offset(r.EndLine, r.EndColumn)})
		}
		d.Related = append(d.Related, related{at, r.Message})
	}
	return d
}

func (s *server) diagnostic(_ context.Context, p documentParams) (any, error) {
	return object{"kind": "full", "items": s.diagnostics(pathOf(p.TextDocument.URI))}, nil
}

// workspaceDiagnostic answers with the findings of every file of the workspace. Those of a file that the client has already are not sent again; files
// without findings are, as they may have had some.
func (s *server) workspaceDiagnostic(ctx context.Context, p struct {
	Previous []struct {
		URI   string `json:"uri"`
		Value string `json:"value"`
	} `json:"previousResultIds"`
}) (any, error) {
	known := make(map[string]string)
	for _, r := range p.Previous {
		known[r.URI] = r.Value
	}
	files := s.work.Files()
	for _, path := range s.work.OpenFiles() {
		if !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	slices.Sort(files)
	items := []object{}
	whole := s.work.Whole()
	for _, file := range files {
		if ctx.Err() != nil {
			return nil, jrpc2.Errorf(-32800, "the request was cancelled")
		}
		// An open file has what textDocument/diagnostic says; the others are looked at together.
		v := whole
		var version any
		s.mu.Lock()
		n, open := s.versions[file]
		s.mu.Unlock()
		if open {
			v, version = s.work.View(file), n
		}
		list := diagnosticsOf(v, file)
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		h := fnv.New64a()
		h.Write(text)
		report := object{"kind": "full", "uri": uriOf(file), "version": version, "resultId": fmt.Sprintf("%x", h.Sum64()), "items": list}
		if known[uriOf(file)] == report["resultId"] {
			report["kind"] = "unchanged"
			delete(report, "items")
		}
		items = append(items, report)
	}
	return object{"items": items}, nil
}

// The numbers of CompletionItemKind and SymbolKind for kinds of symbols.
var (
	completionKinds = map[symbols.Kind]int{symbols.Typedef: 25, symbols.Enum: 13, symbols.EnumValue: 20, symbols.Struct: 22, symbols.Union: 22, symbols.Exception: 22, symbols.Service: 8, symbols.Const: 21}
	symbolKinds     = map[symbols.Kind]int{symbols.Typedef: 26, symbols.Enum: 10, symbols.EnumValue: 22, symbols.Struct: 23, symbols.Union: 23, symbols.Exception: 23, symbols.Field: 8, symbols.Service: 11, symbols.Method: 6, symbols.Const: 14}
)

func (s *server) completion(_ context.Context, p positionParams) (any, error) {
	if items, ok := s.completeConfig(pathOf(p.TextDocument.URI), p.Position); ok {
		return object{"isIncomplete": false, "items": items}, nil
	}
	v, file, offset, ok := s.at(p)
	items := []completionItem{}
	if !ok {
		return object{"isIncomplete": false, "items": items}, nil
	}
	t := v.File(file).Tree
	for i, c := range s.work.Complete(file, offset) {
		item := completionItem{Label: c.Label, Kind: 14, Detail: c.Detail, SortText: fmt.Sprintf("%05d", i), Edit: textEdit{rangeOf(t, c.Span), c.Text}}
		switch c.Kind {
		case analysis.CompleteSymbol:
			item.Kind = completionKinds[c.Symbol.Kind]
			item.Docs = markdown(symbols.Doc(c.Symbol.File.Tree, c.Symbol.Node, c.Symbol.Doc))
			// A name of a file that is not included is found by its own name too.
			if c.Edits != nil {
				item.FilterText = c.Symbol.Name
			}
		case analysis.CompletePath:
			item.Kind = 17
		case analysis.CompleteText:
			item.Kind = 12
		}
		for _, e := range c.Edits {
			item.Additional = append(item.Additional, textEdit{rangeOf(t, e.Span), e.Text})
		}
		items = append(items, item)
	}
	return object{"isIncomplete": false, "items": items}, nil
}

func (s *server) hover(_ context.Context, p positionParams) (any, error) {
	if h, ok := s.hoverConfig(pathOf(p.TextDocument.URI), p.Position); ok {
		return h, nil
	}
	v, file, offset, ok := s.at(p)
	if !ok {
		return nil, nil
	}
	text, span, ok := v.Hover(file, offset)
	if !ok {
		return nil, nil
	}
	return object{"contents": markup{"markdown", strings.ToValidUTF8(text, "\uFFFD")}, "range": rangeOf(v.File(file).Tree, span)}, nil
}

func markdown(text string) *markup {
	if text == "" {
		return nil
	}
	return &markup{"markdown", strings.ToValidUTF8(text, "\uFFFD")}
}

func (s *server) signatureHelp(_ context.Context, p positionParams) (any, error) {
	v, file, offset, ok := s.at(p)
	if !ok {
		return nil, nil
	}
	sig, ok := v.Signature(file, offset)
	if !ok {
		return nil, nil
	}
	out := signature{Label: sig.Label, Docs: markdown(sig.Doc), Parameters: []parameter{}}
	for _, param := range sig.Params {
		var label any = sig.Label[param.Span.Start:param.Span.End]
		if s.offsets {
			start := units([]byte(sig.Label[:param.Span.Start]))
			label = [2]int{start, start + units([]byte(sig.Label[param.Span.Start:param.Span.End]))}
		}
		out.Parameters = append(out.Parameters, parameter{label, markdown(param.Doc)})
	}
	return signatureHelp{Signatures: []signature{out}, ActiveParameter: sig.Active}, nil
}

func (s *server) definition(_ context.Context, p positionParams) (any, error) {
	if v, file, offset, ok := s.at(p); ok {
		if d, ok := v.Definition(file, offset); ok {
			return locationOf(d), nil
		}
	}
	return nil, nil
}

func (s *server) typeDefinition(_ context.Context, p positionParams) (any, error) {
	if v, file, offset, ok := s.at(p); ok {
		if d, ok := v.TypeDefinition(file, offset); ok {
			return locationOf(d), nil
		}
	}
	return nil, nil
}

// everywhere is at for the program of all files.
func (s *server) everywhere(p positionParams) (v *analysis.View, file string, offset int, ok bool) {
	if _, file, offset, ok = s.at(p); !ok {
		return nil, "", 0, false
	}
	v = s.work.Whole()
	return v, file, offset, v.File(file) != nil
}

func (s *server) references(_ context.Context, p struct {
	positionParams
	Context struct {
		Declaration bool `json:"includeDeclaration"`
	} `json:"context"`
}) (any, error) {
	list := []location{}
	if v, file, offset, ok := s.everywhere(p.positionParams); ok {
		for _, r := range v.References(file, offset, p.Context.Declaration) {
			list = append(list, locationOf(r))
		}
	}
	return list, nil
}

func (s *server) highlight(_ context.Context, p positionParams) (any, error) {
	list := []object{}
	if v, file, offset, ok := s.at(p); ok {
		for _, r := range v.References(file, offset, true) {
			if r.File.Path == file {
				list = append(list, object{"range": rangeOf(r.File, r.Span), "kind": 1})
			}
		}
	}
	return list, nil
}

func (s *server) prepareRename(_ context.Context, p positionParams) (any, error) {
	if v, file, offset, ok := s.at(p); ok {
		if span, name, ok := v.Prepare(file, offset); ok {
			return object{"range": rangeOf(v.File(file).Tree, span), "placeholder": name}, nil
		}
	}
	return nil, nil
}

func (s *server) rename(_ context.Context, p struct {
	positionParams
	NewName string `json:"newName"`
}) (any, error) {
	v, file, offset, ok := s.everywhere(p.positionParams)
	if !ok {
		return nil, nil
	}
	edits, err := v.Rename(file, offset, p.NewName)
	if err != nil {
		return nil, jrpc2.Errorf(-32803, "%v", err) // RequestFailed
	}
	return workspaceEditOf(v, edits), nil
}

func workspaceEditOf(v *analysis.View, edits []lint.Edit) *workspaceEdit {
	w := &workspaceEdit{Changes: make(map[string][]textEdit)}
	for _, e := range edits {
		if f := v.File(e.Path); f != nil {
			uri := uriOf(e.Path)
			w.Changes[uri] = append(w.Changes[uri], textEdit{rangeOf(f.Tree, e.Span), e.Text})
		}
	}
	return w
}

// creating returns the edit with a new file.
func (w *workspaceEdit) creating(uri, text string) *workspaceEdit {
	out := &workspaceEdit{DocumentChanges: []any{createFile{"create", uri}}}
	add := func(uri string, edits []textEdit) {
		d := documentEdit{Edits: edits}
		d.TextDocument.URI = uri
		out.DocumentChanges = append(out.DocumentChanges, d)
	}
	add(uri, []textEdit{{NewText: text}})
	for _, uri := range slices.Sorted(maps.Keys(w.Changes)) {
		add(uri, w.Changes[uri])
	}
	return out
}

func (s *server) edits(file string, do func(v *analysis.View) ([]lint.Edit, error)) (any, error) {
	v := s.work.View(file)
	f := v.File(file)
	list := []textEdit{}
	if f == nil {
		return list, nil
	}
	edits, err := do(v)
	if err != nil {
		return nil, nil // a file with mistakes is left alone; the diagnostics say why
	}
	for _, e := range edits {
		list = append(list, textEdit{rangeOf(f.Tree, e.Span), e.Text})
	}
	return list, nil
}

func (s *server) formatting(_ context.Context, p documentParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	return s.edits(file, func(v *analysis.View) ([]lint.Edit, error) { return v.Format(file) })
}

func (s *server) rangeFormatting(_ context.Context, p rangeParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	return s.edits(file, func(v *analysis.View) ([]lint.Edit, error) {
		return v.FormatRange(file, spanOf(v.File(file).Tree, p.Range))
	})
}

// onTypeFormatting lays out the definition that a "}" has just closed.
func (s *server) onTypeFormatting(_ context.Context, p positionParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	return s.edits(file, func(v *analysis.View) ([]lint.Edit, error) {
		f := v.File(file)
		offset := offsetOf(f.Tree, p.Position)
		for _, d := range f.Symbols {
			if d.Node.Range().End == offset {
				return v.FormatDefinition(file, d)
			}
		}
		return nil, nil
	})
}

func (s *server) documentSymbol(_ context.Context, p documentParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	v := s.work.View(file)
	f := v.File(file)
	if f == nil {
		return []documentSymbol{}, nil
	}
	var list func(items []analysis.Item) []documentSymbol
	list = func(items []analysis.Item) []documentSymbol {
		out := []documentSymbol{}
		for _, i := range items {
			out = append(out, documentSymbol{i.Symbol.Name, i.Detail, symbolKinds[i.Symbol.Kind], rangeOf(f.Tree, i.Symbol.Node.Range()), rangeOf(f.Tree, i.Symbol.Span), list(i.Items)})
		}
		return out
	}
	return list(v.Outline(file)), nil
}

func (s *server) workspaceSymbol(_ context.Context, p struct {
	Query string `json:"query"`
}) (any, error) {
	list := []object{}
	for _, x := range s.work.Whole().Find(p.Query, 500) {
		o := object{"name": x.Name, "kind": symbolKinds[x.Kind], "location": location{uriOf(x.File.Tree.Path), rangeOf(x.File.Tree, x.Span)}}
		if x.Parent != nil {
			o["containerName"] = x.Parent.Path()
		}
		list = append(list, o)
	}
	return list, nil
}

// semanticTokens encodes tokens as the protocol has it: five numbers each, relative to the token before.
// A token of several lines becomes one of each.
func (s *server) semanticTokens(_ context.Context, p documentParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	v := s.work.View(file)
	data := []int{}
	f := v.File(file)
	if f == nil {
		return object{"data": data}, nil
	}
	last := position{}
	for _, token := range v.Tokens(file) {
		at := token.Span.Start
		for line := range strings.Lines(f.Tree.Text(token.Span)) {
			start, length := positionOf(f.Tree, at), units([]byte(strings.TrimRight(line, "\r\n")))
			at += len(line)
			if length == 0 {
				continue
			}
			character := start.Character
			if start.Line == last.Line {
				character -= last.Character
			}
			modifiers := 0
			if token.Declaration {
				modifiers = 1
			}
			data = append(data, start.Line-last.Line, character, length, int(token.Kind), modifiers)
			last = start
		}
	}
	return object{"data": data}, nil
}

func (s *server) folding(_ context.Context, p documentParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	v := s.work.View(file)
	list := []object{}
	for _, span := range v.Folds(file) {
		r := rangeOf(v.File(file).Tree, span)
		list = append(list, object{"startLine": r.Start.Line, "endLine": r.End.Line})
	}
	return list, nil
}

func (s *server) selection(_ context.Context, p struct {
	documentParams
	Positions []position `json:"positions"`
}) (any, error) {
	file := pathOf(p.TextDocument.URI)
	v := s.work.View(file)
	list := []object{}
	f := v.File(file)
	for _, at := range p.Positions {
		if f == nil {
			list = append(list, object{"range": textRange{at, at}})
			continue
		}
		var inner object
		spans := v.Selections(file, offsetOf(f.Tree, at))
		for _, span := range slices.Backward(spans) {
			o := object{"range": rangeOf(f.Tree, span)}
			if inner != nil {
				o["parent"] = inner
			}
			inner = o
		}
		list = append(list, inner)
	}
	return list, nil
}

func (s *server) links(_ context.Context, p documentParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	v := s.work.View(file)
	list := []object{}
	for _, l := range v.Links(file) {
		list = append(list, object{"range": rangeOf(v.File(file).Tree, l.Span), "target": uriOf(l.Path)})
	}
	return list, nil
}

func (s *server) codeAction(_ context.Context, p struct {
	rangeParams
	Context struct {
		Only []string `json:"only"`
	} `json:"context"`
}) (any, error) {
	file := pathOf(p.TextDocument.URI)
	v := s.work.View(file)
	list := []codeAction{}
	f := v.File(file)
	if f == nil {
		return list, nil
	}
	wanted := func(kind string) bool {
		return len(p.Context.Only) == 0 || slices.ContainsFunc(p.Context.Only, func(o string) bool { return kind == o || strings.HasPrefix(kind, o+".") })
	}
	span := spanOf(f.Tree, p.Range)
	var safe []lint.Edit
	for _, x := range v.Findings(file) {
		for _, fix := range x.Fixes {
			if fix.Safe && !slices.ContainsFunc(fix.Edits, func(e lint.Edit) bool {
				return e.Path != file || slices.ContainsFunc(safe, func(o lint.Edit) bool { return e.Span.Start <= o.Span.End && o.Span.Start <= e.Span.End })
			}) {
				safe = append(safe, fix.Edits...)
			}
		}
		if x.Span.End < span.Start || x.Span.Start > span.End || !wanted("quickfix") {
			continue
		}
		d := diagnosticOf(v, f, x)
		for i, fix := range x.Fixes {
			edits := fix.Edits
			if strings.HasPrefix(fix.Title, "rename to ") { // of the whole workspace
				if all, err := s.work.Whole().Rename(file, x.Span.Start, strings.TrimPrefix(fix.Title, "rename to ")); err == nil {
					list = append(list, codeAction{fix.Title, "quickfix", []diagnostic{d}, false, workspaceEditOf(s.work.Whole(), all)})
					continue
				}
			}
			list = append(list, codeAction{fix.Title, "quickfix", []diagnostic{d}, fix.Safe && i == 0, workspaceEditOf(v, edits)})
		}
		if x.Code == "UNKNOWN_TYPE" {
			list = append(list, s.unknownType(v, f, x, d)...)
		}
		if lint.Find(x.Code) != nil && x.Severity != syntax.Error {
			start := strings.LastIndexByte(string(f.Tree.Source[:x.Span.Start]), '\n') + 1
			line := string(f.Tree.Source[start:])
			indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
			list = append(list, codeAction{"ignore " + x.Code + " here", "quickfix", []diagnostic{d}, false, workspaceEditOf(v, []lint.Edit{{
				Path: file, Span: syntax.Span{Start: start, End: start}, Text: indent + "// thrift:ignore " + x.Code + " say why\n"}})})
		}
	}
	for _, r := range s.work.Refactorings(file, span) {
		kind := "refactor.rewrite"
		switch {
		case r.Extract:
			kind = "refactor.extract"
		case r.NewFile != "":
			kind = "refactor.move"
		}
		if !wanted(kind) || r.NewFile != "" && !s.create {
			continue
		}
		edit := workspaceEditOf(s.work.Whole(), r.Edits)
		if r.NewFile != "" {
			edit = edit.creating(uriOf(r.NewFile), r.Text)
		}
		list = append(list, codeAction{Title: r.Title, Kind: kind, Edit: edit})
	}
	if len(safe) > 0 && wanted("source.fixAll") {
		list = append(list, codeAction{Title: "fix all that is safe", Kind: "source.fixAll", Edit: workspaceEditOf(v, safe)})
	}
	if wanted("source.organizeImports") {
		if edits := s.work.OrganizeIncludes(file); len(edits) > 0 {
			list = append(list, codeAction{Title: "organize includes", Kind: "source.organizeImports", Edit: workspaceEditOf(v, edits)})
		}
	}
	return list, nil
}

// unknownType offers the includes of other files of the workspace, and a new definition.
func (s *server) unknownType(v *analysis.View, f *symbols.File, x *lint.Finding, d diagnostic) []codeAction {
	name := f.Tree.Text(x.Span)
	var list []codeAction
	if !strings.Contains(name, ".") {
		for _, other := range s.work.Whole().Set.Files {
			if other.Type(name) == nil || other.Tree.Path == f.Tree.Path {
				continue
			}
			rel := lint.Relative(path.Dir(f.Tree.Path), other.Tree.Path)
			prefix := strings.TrimSuffix(path.Base(rel), ".thrift")
			edits := []lint.Edit{{Path: f.Tree.Path, Span: x.Span, Text: prefix + "." + name}}
			if !slices.ContainsFunc(f.Includes, func(inc *symbols.Include) bool { return inc.File != nil && inc.File.Tree.Path == other.Tree.Path }) {
				edits = append(edits, lint.IncludeEdit(f, rel))
			}
			list = append(list, codeAction{fmt.Sprintf("include %q", rel), "quickfix", []diagnostic{d}, false, workspaceEditOf(v, edits)})
		}
		start := len(f.Tree.Source)
		for _, def := range f.Symbols {
			if n := def.Node.Range(); n.Start <= x.Span.Start && x.Span.Start <= n.End {
				start = analysis.Above(def)
			}
		}
		list = append(list, codeAction{"create struct " + name, "quickfix", []diagnostic{d}, false, workspaceEditOf(v, []lint.Edit{{
			Path: f.Tree.Path, Span: syntax.Span{Start: start, End: start}, Text: "struct " + name + " {\n}\n\n"}})})
	}
	return list
}

func (s *server) codeLens(_ context.Context, p documentParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	list := []object{}
	v := s.work.Whole()
	f := v.File(file)
	if f == nil {
		return list, nil
	}
	uses := make(map[*symbols.Symbol]int)
	for _, other := range v.Set.Files {
		for i := range other.Refs {
			uses[other.Refs[i].Symbol]++
		}
	}
	lens := func(x *symbols.Symbol, title, command string, args ...any) {
		list = append(list, object{"range": rangeOf(f.Tree, x.Span), "command": clientCommand{title, command, args}})
	}
	// What breaks is counted at the definition that it is in, and what is gone in the first line.
	view, base := s.work.View(file), s.work.Options().BaseName
	breaks := make(map[*symbols.Symbol]int)
	gone := 0
	for _, x := range view.Breaking(file) {
		i := slices.IndexFunc(f.Symbols, func(d *symbols.Symbol) bool {
			n := d.Node.Range()
			return n.Start <= x.Span.Start && x.Span.Start < n.End
		})
		if i < 0 || x.Line == 1 && x.Column == 1 {
			gone++
		} else {
			breaks[f.Symbols[i]]++
		}
	}
	breaking := func(n int, span syntax.Span) {
		if n > 0 {
			title := fmt.Sprintf("%d breaking changes since %s", n, base)
			if n == 1 {
				title = "1 breaking change since " + base
			}
			list = append(list, object{"range": rangeOf(f.Tree, span), "command": clientCommand{title, "thriftkit.showBreaking", []any{uriOf(file)}}})
		}
	}
	breaking(gone, syntax.Span{})
	f.Each(func(x *symbols.Symbol) {
		switch {
		case x.Name == "":
		case x.Parent == nil:
			breaking(breaks[x], x.Span)
			title := fmt.Sprintf("%d references", uses[x])
			if uses[x] == 1 {
				title = "1 reference"
			}
			lens(x, title, "thriftkit.showReferences", uriOf(file), positionOf(f.Tree, x.Span.Start))
			if x.Kind == symbols.Service {
				lens(x, "serve a mock", "thriftkit.mock", uriOf(file), x.Name)
			}
		case x.Kind == symbols.Method:
			lens(x, "call this method", "thriftkit.call", uriOf(file), x.Path())
		}
	})
	return list, nil
}

func (s *server) inlayHint(_ context.Context, p rangeParams) (any, error) {
	file := pathOf(p.TextDocument.URI)
	v := s.work.View(file)
	list := []object{}
	f := v.File(file)
	if f == nil {
		return list, nil
	}
	span := spanOf(f.Tree, p.Range)
	for _, h := range v.Hints(file) {
		if h.Offset < span.Start || h.Offset > span.End {
			continue
		}
		o := object{"position": positionOf(f.Tree, h.Offset), "label": h.Text}
		if h.Edit.Path != "" {
			o["textEdits"] = []textEdit{{rangeOf(f.Tree, h.Edit.Span), h.Edit.Text}}
		}
		list = append(list, o)
	}
	return list, nil
}
