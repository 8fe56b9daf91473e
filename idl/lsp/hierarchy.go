package lsp

import (
	"context"

	"github.com/thriftkit/thriftkit/idl/analysis"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A hierarchyItem is a definition in the hierarchies of calls and types. It is found again by its place.
type hierarchyItem struct {
	Name      string    `json:"name"`
	Kind      int       `json:"kind"`
	Detail    string    `json:"detail,omitempty"`
	URI       string    `json:"uri"`
	Range     textRange `json:"range"`
	Selection textRange `json:"selectionRange"`
}

type itemParams struct {
	Item hierarchyItem `json:"item"`
}

func itemOf(s *symbols.Symbol) hierarchyItem {
	t := s.File.Tree
	item := hierarchyItem{Name: s.Name, Kind: symbolKinds[s.Kind], URI: uriOf(t.Path), Range: rangeOf(t, s.Node.Range()), Selection: rangeOf(t, s.Span)}
	if s.Parent != nil {
		item.Detail = s.Parent.Path()
	}
	return item
}

// node returns the definition at a place, and the view in which it is; ok is false if there is none of the hierarchies.
func (s *server) node(p positionParams) (v *analysis.View, node *symbols.Symbol, ok bool) {
	v, file, offset, ok := s.everywhere(p)
	if !ok {
		return nil, nil, false
	}
	node = v.Node(file, offset)
	return v, node, node != nil
}

func (s *server) item(p itemParams) (v *analysis.View, node *symbols.Symbol, ok bool) {
	return s.node(positionParams{TextDocument: documentID{URI: p.Item.URI}, Position: p.Item.Selection.Start})
}

func (s *server) prepareCallHierarchy(_ context.Context, p positionParams) (any, error) {
	_, node, ok := s.node(p)
	if !ok {
		return nil, nil
	}
	return []hierarchyItem{itemOf(node)}, nil
}

func (s *server) prepareTypeHierarchy(_ context.Context, p positionParams) (any, error) {
	_, node, ok := s.node(p)
	if !ok || node.Kind != symbols.Service {
		return nil, nil
	}
	return []hierarchyItem{itemOf(node)}, nil
}

func (s *server) incomingCalls(_ context.Context, p itemParams) (any, error) {
	list := []object{}
	if v, node, ok := s.item(p); ok {
		for _, u := range v.UsedBy(node) {
			list = append(list, object{"from": itemOf(u.Symbol), "fromRanges": rangesOf(u.Symbol.File.Tree, u.Spans)})
		}
	}
	return list, nil
}

func (s *server) outgoingCalls(_ context.Context, p itemParams) (any, error) {
	list := []object{}
	if v, node, ok := s.item(p); ok {
		for _, u := range v.Uses(node) {
			list = append(list, object{"to": itemOf(u.Symbol), "fromRanges": rangesOf(node.File.Tree, u.Spans)})
		}
	}
	return list, nil
}

func rangesOf(t *syntax.File, spans []syntax.Span) []textRange {
	list := []textRange{}
	for _, span := range spans {
		list = append(list, rangeOf(t, span))
	}
	return list
}

func (s *server) supertypes(_ context.Context, p itemParams) (any, error) {
	list := []hierarchyItem{}
	if v, node, ok := s.item(p); ok {
		for _, x := range v.Supertypes(node) {
			list = append(list, itemOf(x))
		}
	}
	return list, nil
}

func (s *server) subtypes(_ context.Context, p itemParams) (any, error) {
	list := []hierarchyItem{}
	if v, node, ok := s.item(p); ok {
		for _, x := range v.Subtypes(node) {
			list = append(list, itemOf(x))
		}
	}
	return list, nil
}
