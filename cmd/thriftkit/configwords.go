package main

import (
	"slices"
	"strings"
	"unicode/utf8"

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

// A knownWord is a key or the name of a rule in a project file, and what it means.
type knownWord struct {
	node *yaml.Node
	doc  string
}

// hoverConfig returns what the key or the rule at an offset of a project file means, in Markdown, and where it is; "" if there is none.
func hoverConfig(text string, offset int) (doc string, start, end int) {
	var root yaml.Node
	if yaml.Unmarshal([]byte(text), &root) != nil || len(root.Content) == 0 {
		return "", 0, 0
	}
	r := &configReader{}
	r.root(&config{}, root.Content[0])
	lines := strings.SplitAfter(text, "\n")
	for _, w := range r.known {
		if w.node.Line < 1 || w.node.Line > len(lines) {
			continue
		}
		start = 0
		for _, line := range lines[:w.node.Line-1] {
			start += len(line)
		}
		line := lines[w.node.Line-1]
		for n := 1; n < w.node.Column && line != ""; n++ { // columns of YAML count characters
			_, size := utf8.DecodeRuneInString(line)
			line = line[size:]
			start += size
		}
		if strings.HasPrefix(line, w.node.Value) { // else it is written with quotes
			if end = start + len(w.node.Value); start <= offset && offset <= end {
				return "`" + w.node.Value + "`: " + w.doc, start, end
			}
		}
	}
	return "", 0, 0
}

// keyDoc returns what a key means; section is as configReader.mapping has it, "target NAME".
func keyDoc(section, key string) string {
	section, _, _ = strings.Cut(section, " ")
	return keyDocs[section+" "+key]
}

// keyDocs explain the keys of a project file, by section and key.
var keyDocs = map[string]string{
	"the idl":          "A file, or a list of files, with what may be called.",
	"the include-dirs": "Directories in which included files are looked for.",
	"the dialect":      "The variant of the language of the files: auto (the default), apache, fbthrift or kitex.",
	"the docs":         "Which comments are documentation: all (the default), doc (`/** … */` only) or none.",
	"the targets":      "Servers by name, for `@NAME` on the command line: an address, or a mapping with an address and how to call it.",
	"the calls":        "Calls by name, for `@TARGET/NAME` on the command line.",
	"the lint":         "Which rules `thriftkit lint` and editors apply.",
	"the breaking":     "What changes are compared with, and which of them count.",
	"the format":       "How `thriftkit fmt`, `thriftkit ci` and editors lay out files.",

	"format align":     "Align the columns of fields (default false).",
	"format width":     "Columns after which a line is broken (default 100).",
	"format indent":    "Blanks of an indentation (default 2).",
	"format separator": "What stands after fields and values: keep (the default: what prevails in the file), comma or none.",

	"target address":         "Where the server is, as TARGET on the command line. It is needed.",
	"target idl":             "A file, or a list of files, in place of the project's.",
	"target protocol":        "How values are written (default binary).",
	"target transport":       "How messages are framed (default buffered).",
	"target compression":     "How HTTP's bodies are compressed: gzip or zlib.",
	"target timeout":         "How long a call may take, such as 300ms or 10s.",
	"target connect-timeout": "How long connecting may take, such as 300ms or 10s.",
	"target user":            "NAME:PASSWORD to log in with.",
	"target headers":         "Headers of every call, by name.",
	"target variables":       "Values for `${NAME}`.",
	"target tls":             "How TLS is spoken.",
	"target calls":           "Calls of this target alone, by name.",

	"tls cacert":     "A file with the certificates (PEM) of the authorities that are trusted.",
	"tls cert":       "A file with the client's certificate (PEM).",
	"tls key":        "A file with the client's key (PEM).",
	"tls crl":        "A file with revocation lists (PEM or DER): servers whose certificates they name are refused.",
	"tls servername": "The name that the server's certificate must have.",
	"tls insecure":   "Accept any certificate: the server may be anyone.",

	"call method":  "The method, Service.method.",
	"call args":    "The arguments, as words on the command line.",
	"call data":    "The arguments as a value, as JSON in a text, or in a file: \"@FILE\".",
	"call headers": "Headers of the call, by name.",

	"lint sets":                "Groups of rules that are on: minimal, standard (the default), strict, comments.",
	"lint rules":               "Rules and their severities: error, warning, note or off. They count more than sets.",
	"lint ignore":              "Paths below which rules are off, each with the rules; an empty list is all of them.",
	"lint languages":           "Languages whose reserved words must not be names (default: those of the namespaces of each file).",
	"lint required-namespaces": "Languages for which every file must have a namespace.",
	"lint exception-suffix":    "What the name of an exception may end with.",
	"lint annotations":         "Keys of annotations that are known, besides those of the generators.",
	"lint field-case":          "How names of fields are written: snake or camel (default: as most of them are).",
	"lint argument-case":       "How names of arguments are written: snake or camel (default: as most of them are).",
	"lint method-case":         "How names of methods are written: snake or camel (default: as most of them are).",
	"lint service-suffix":      "What the name of a service must end with (default Service).",
	"lint dialect":             "The program that must be able to read the files: apache, fbthrift or kitex (default: any).",
	"lint enum-size":           "How many values an enum may have (default 500).",
	"lint struct-size":         "How many fields a struct may have (default 100).",
	"lint type-nesting":        "How many containers may be in each other (default 2).",
	"lint namespaces":          "Regular expressions that namespaces must match, by language.",
	"lint restricted-includes": "Includes that are forbidden: which files must not include which, as regular expressions.",

	"breaking against":     "The earlier state: a git revision, a directory, a file, an archive or a server.",
	"breaking accepted":    "A file with accepted findings, each with a reason.",
	"breaking policy":      "Which changes count: wire, json, source, file (default all).",
	"breaking multiplexed": "Services are called by name on one connection, so names of services are on the wire.",
	"breaking annotations": "Keys of annotations that are compared; `api.*` is all that begin so.",
}
