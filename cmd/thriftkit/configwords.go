package main

import (
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/lsp"
	"go.yaml.in/yaml/v3"
)

// cursorWord stands in a project file for the word at the cursor, while it is read to find out what may stand there.
const cursorWord = "thriftkit\u2060cursor"

// offer notes the words that fit at n, if n is the word at the cursor.
func (r *configReader) offer(n *yaml.Node, words ...lsp.ConfigWord) {
	if n.Value == cursorWord {
		r.offered = append(r.offered, words...)
	}
}

// offerTexts is offer for words that need no explanation.
func (r *configReader) offerTexts(n *yaml.Node, words ...string) {
	for _, w := range words {
		r.offer(n, lsp.ConfigWord{Text: w})
	}
}

// completeConfig returns what may stand at an offset of a project file, and where the word begins that is there. Keys end with a colon.
// What knows the file's keys is the reader of it: it reads the text with cursorWord at the offset, once as a value and once as a key.
func completeConfig(text string, offset int) (words []lsp.ConfigWord, start int) {
	isWord := func(c byte) bool {
		return c == '-' || c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	offset = min(max(offset, 0), len(text))
	start = offset
	for start > 0 && isWord(text[start-1]) {
		start--
	}
	if line := text[strings.LastIndexByte(text[:start], '\n')+1 : start]; strings.Contains(" "+line, " #") {
		return nil, start // a comment
	}
	end := offset
	for end < len(text) && isWord(text[end]) {
		end++
	}
	rest, _, _ := strings.Cut(text[end:], "\n")
	read := func(insert string) []lsp.ConfigWord {
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text[:start]+insert+text[end:]), &doc) != nil || len(doc.Content) == 0 {
			return nil
		}
		r := &configReader{}
		r.root(&config{}, doc.Content[0])
		return r.offered
	}
	words = read(cursorWord)
	if strings.TrimSpace(rest) == "" {
		for _, w := range read(cursorWord + ": ") {
			w.Text += ": "
			words = append(words, w)
		}
	}
	slices.SortStableFunc(words, func(a, b lsp.ConfigWord) int { return strings.Compare(a.Text, b.Text) })
	return slices.Compact(words), start
}
