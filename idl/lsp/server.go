// Package lsp is the language server of thriftkit: the Language Server Protocol over package analysis, which
// does the work. [Serve] runs it on a pair of streams, such as standard input and output.
//
// Texts are exchanged whole. Positions count UTF-16 code units, as the protocol has it. File watchers
// are registered after the client has said that it is ready. A request for a file that is not known gets an
// empty answer; a panic becomes an error of that request, and the server goes on.
package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/thriftkit/thriftkit/idl/analysis"
)

// Options say what a server is part of. The zero Options are a server without a project file.
type Options struct {
	Version string

	// Configure returns the options for the directories that the client opened, and is called again when
	// a file called ConfigName changes. against is the client's setting breakingAgainst. Errors that are a
	// [ConfigError] are shown in the file, others are reported.
	Configure  func(roots []string, against string) (analysis.Options, error)
	ConfigName string

	// Complete returns what may stand at an offset of the text of a project file, and where the word begins that
	// is there. Check returns what is wrong with a text, as Configure does. Without them, project files are only read from disk.
	Complete func(text string, offset int) (words []ConfigWord, start int)
	Check    func(path, text string) error

	// Hover returns what is to know about the word at an offset of the text of a project file, in Markdown, and where the word is; "" for nothing.
	Hover func(text string, offset int) (doc string, start, end int)

	// ErrorLog gets errors that have no caller; nil: they are shown by the client.
	ErrorLog func(error)
}

// Serve answers the requests that come from r, on w, until the client says exit, r ends, or ctx is done. A read of r may still be under
// way afterwards.
// The error is nil if the client ended the conversation.
func Serve(ctx context.Context, r io.Reader, w io.WriteCloser, opts Options) error {
	s := &server{opts: opts, work: analysis.NewWorkspace(analysis.Options{}), versions: make(map[string]int), configs: make(map[string]string), dirty: make(map[string]bool), wake: make(chan struct{}, 1), slots: make(chan struct{}, maxRunning)}
	s.rpc = jrpc2.NewServer(assigner{s}, &jrpc2.ServerOptions{AllowPush: true, Concurrency: maxPending})
	in, copied := io.Pipe() // which can be closed while a read of r is under way, as that of standard input is when the client says exit
	go func() {
		_, err := io.Copy(copied, r)
		copied.CloseWithError(err)
	}()
	s.input = in
	s.rpc.Start(channel.LSP(in, w))
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { s.publisher(done) })
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(io.EOF) })
	defer stop()
	err := s.rpc.Wait()
	close(done)
	wg.Wait()
	if s.exited() || ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// maxPending bounds the messages that are held, maxRunning the requests that are worked on at a time. Notifications are not counted, so that
// a request can be cancelled while others run.
const (
	maxPending = 1000
	maxRunning = 4
)

type server struct {
	opts Options
	work *analysis.Workspace
	rpc  *jrpc2.Server

	input *io.PipeReader // what the client sends
	slots chan struct{}  // has one for each request that runs

	mu       sync.Mutex
	roots    []string
	against  string
	versions map[string]int    // of open documents, by path
	configs  map[string]string // the texts of open project files, by path
	dirty    map[string]bool
	pull     bool // the client asks for diagnostics
	watch    bool // it can watch files
	offsets  bool // it takes places in labels of signatures
	create   bool // its edits can create files
	state    state
	ready    bool           // the client has said so
	faults   []*ConfigError // in project files
	faulty   []string       // the files of which the client shows some
	wake     chan struct{}
}

type state uint8

const (
	fresh state = iota
	initialized
	shutDown
	gone
)

func (s *server) exited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == gone
}

type assigner struct{ s *server }

type handler func(*server, context.Context, *jrpc2.Request) (any, error)

// Assign returns the handler of a method. Unknown notifications are ignored, as the protocol asks for.
func (a assigner) Assign(_ context.Context, method string) jrpc2.Handler {
	h, ok := handlers()[method]
	if !ok {
		if strings.HasPrefix(method, "$/") {
			return func(context.Context, *jrpc2.Request) (any, error) { return nil, nil }
		}
		return nil
	}
	return func(ctx context.Context, r *jrpc2.Request) (result any, err error) {
		defer func() {
			if p := recover(); p != nil {
				a.s.log(fmt.Errorf("%s: panic: %v\n%s", method, p, debug.Stack()))
				result, err = nil, jrpc2.Errorf(jrpc2.InternalError, "%s failed: %v", method, p)
			}
		}()
		a.s.mu.Lock()
		state := a.s.state
		a.s.mu.Unlock()
		switch {
		case method == "exit" || method == "$/cancelRequest":
		case state == fresh && method != "initialize":
			return nil, jrpc2.Errorf(-32002, "the server is not initialized")
		case state == shutDown:
			return nil, jrpc2.Errorf(jrpc2.InvalidRequest, "the server is shut down")
		}
		if !r.IsNotification() {
			select {
			case a.s.slots <- struct{}{}:
				defer func() { <-a.s.slots }()
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				return nil, jrpc2.Errorf(-32800, "the request was cancelled")
			}
		}
		return h(a.s, ctx, r)
	}
}

// handle makes a handler of a func with parameters of type P.
func handle[P any](f func(*server, context.Context, P) (any, error)) handler {
	return func(s *server, ctx context.Context, r *jrpc2.Request) (any, error) {
		var p P
		if r.HasParams() {
			if err := r.UnmarshalParams(&p); err != nil {
				return nil, jrpc2.Errorf(jrpc2.InvalidParams, "%s: %v", r.Method(), err)
			}
		}
		return f(s, ctx, p)
	}
}

var handlers = sync.OnceValue(func() map[string]handler {
	return map[string]handler{
		"initialize":                          handle((*server).initialize),
		"initialized":                         handle((*server).initialized),
		"shutdown":                            handle((*server).shutdown),
		"exit":                                handle((*server).exit),
		"$/cancelRequest":                     handle((*server).cancel),
		"textDocument/didOpen":                handle((*server).didOpen),
		"textDocument/didChange":              handle((*server).didChange),
		"textDocument/didClose":               handle((*server).didClose),
		"textDocument/didSave":                handle((*server).didSave),
		"workspace/didChangeWatchedFiles":     handle((*server).didChangeWatchedFiles),
		"workspace/didChangeWorkspaceFolders": handle((*server).didChangeFolders),
		"workspace/didChangeConfiguration":    handle((*server).didChangeConfiguration),
		"workspace/symbol":                    handle((*server).workspaceSymbol),
		"textDocument/diagnostic":             handle((*server).diagnostic),
		"workspace/diagnostic":                handle((*server).workspaceDiagnostic),
		"textDocument/completion":             handle((*server).completion),
		"textDocument/signatureHelp":          handle((*server).signatureHelp),
		"textDocument/hover":                  handle((*server).hover),
		"textDocument/definition":             handle((*server).definition),
		"textDocument/typeDefinition":         handle((*server).typeDefinition),
		"textDocument/references":             handle((*server).references),
		"textDocument/documentHighlight":      handle((*server).highlight),
		"textDocument/prepareRename":          handle((*server).prepareRename),
		"textDocument/rename":                 handle((*server).rename),
		"textDocument/formatting":             handle((*server).formatting),
		"textDocument/rangeFormatting":        handle((*server).rangeFormatting),
		"textDocument/onTypeFormatting":       handle((*server).onTypeFormatting),
		"textDocument/documentSymbol":         handle((*server).documentSymbol),
		"textDocument/semanticTokens/full":    handle((*server).semanticTokens),
		"textDocument/foldingRange":           handle((*server).folding),
		"textDocument/selectionRange":         handle((*server).selection),
		"textDocument/documentLink":           handle((*server).links),
		"textDocument/codeAction":             handle((*server).codeAction),
		"textDocument/codeLens":               handle((*server).codeLens),
		"textDocument/inlayHint":              handle((*server).inlayHint),
		"textDocument/prepareCallHierarchy":   handle((*server).prepareCallHierarchy),
		"callHierarchy/incomingCalls":         handle((*server).incomingCalls),
		"callHierarchy/outgoingCalls":         handle((*server).outgoingCalls),
		"textDocument/prepareTypeHierarchy":   handle((*server).prepareTypeHierarchy),
		"typeHierarchy/supertypes":            handle((*server).supertypes),
		"typeHierarchy/subtypes":              handle((*server).subtypes),
	}
})

type object = map[string]any

func (s *server) initialize(_ context.Context, p initializeParams) (any, error) {
	s.mu.Lock()
	if s.state != fresh {
		s.mu.Unlock()
		return nil, jrpc2.Errorf(jrpc2.InvalidRequest, "the server is initialized already")
	}
	s.state = initialized
	s.pull = p.Capabilities.TextDocument.Diagnostic != nil
	s.watch = p.Capabilities.Workspace.Watched.Dynamic
	s.offsets = p.Capabilities.TextDocument.Signature.Information.Parameter.Offsets
	s.create = p.Capabilities.Workspace.Edit.DocumentChanges && slices.Contains(p.Capabilities.Workspace.Edit.Operations, "create")
	for _, f := range p.Folders {
		s.roots = append(s.roots, pathOf(f.URI))
	}
	if len(s.roots) == 0 && p.RootURI != "" {
		s.roots = []string{pathOf(p.RootURI)}
	}
	if len(s.roots) == 0 && p.RootPath != "" {
		s.roots = []string{strings.ReplaceAll(p.RootPath, `\`, "/")}
	}
	var settings struct {
		Against string `json:"breakingAgainst"`
	}
	if len(p.Options) > 0 {
		json.Unmarshal(p.Options, &settings) // what is not ours is ignored
	}
	s.against = settings.Against
	s.mu.Unlock()
	s.configure()
	return object{
		"serverInfo": object{"name": "thriftkit", "version": s.opts.Version},
		"capabilities": object{
			"positionEncoding":           "utf-16",
			"textDocumentSync":           object{"openClose": true, "change": 1, "save": object{}},
			"completionProvider":         object{"triggerCharacters": []string{".", ":", "<", "\"", "(", "="}},
			"signatureHelpProvider":      object{"triggerCharacters": []string{"<", "(", "{"}, "retriggerCharacters": []string{",", ":"}},
			"hoverProvider":              true,
			"definitionProvider":         true,
			"typeDefinitionProvider":     true,
			"referencesProvider":         true,
			"documentHighlightProvider":  true,
			"documentSymbolProvider":     true,
			"workspaceSymbolProvider":    true,
			"renameProvider":             object{"prepareProvider": true},
			"documentFormattingProvider": true, "documentRangeFormattingProvider": true,
			"documentOnTypeFormattingProvider": object{"firstTriggerCharacter": "}"},
			"semanticTokensProvider":           object{"full": true, "legend": object{"tokenTypes": analysis.TokenKinds, "tokenModifiers": []string{"declaration"}}},
			"foldingRangeProvider":             true,
			"selectionRangeProvider":           true,
			"documentLinkProvider":             object{},
			"codeActionProvider":               object{"codeActionKinds": []string{"quickfix", "source.fixAll", "source.organizeImports", "refactor.extract", "refactor.move", "refactor.rewrite"}},
			"codeLensProvider":                 object{},
			"inlayHintProvider":                true,
			"callHierarchyProvider":            true,
			"typeHierarchyProvider":            true,
			"diagnosticProvider":               object{"interFileDependencies": true, "workspaceDiagnostics": true},
			"workspace":                        object{"workspaceFolders": object{"supported": true, "changeNotifications": true}},
		},
	}, nil
}

// initialized registers file watchers: before, some clients would not answer.
func (s *server) initialized(context.Context, json.RawMessage) (any, error) {
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	s.publishConfig()
	if !s.watch {
		return nil, nil
	}
	watchers := []object{{"globPattern": "**/*.thrift"}}
	if s.opts.ConfigName != "" {
		watchers = append(watchers, object{"globPattern": "**/" + s.opts.ConfigName})
	}
	go func() { // a handler must not wait for the client
		_, err := s.rpc.Callback(context.Background(), "client/registerCapability", object{"registrations": []object{{
			"id": "watch", "method": "workspace/didChangeWatchedFiles", "registerOptions": object{"watchers": watchers},
		}}})
		if err != nil && !errors.Is(err, jrpc2.ErrConnClosed) {
			s.log(fmt.Errorf("file watchers: %w", err))
		}
	}()
	return nil, nil
}

func (s *server) shutdown(context.Context, json.RawMessage) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = shutDown
	return nil, nil
}

func (s *server) exit(context.Context, json.RawMessage) (any, error) {
	s.mu.Lock()
	s.state = gone
	s.mu.Unlock()
	s.input.CloseWithError(io.EOF)
	go s.rpc.Stop() // it waits for this handler
	return nil, nil
}

func (s *server) cancel(_ context.Context, p struct {
	ID json.RawMessage `json:"id"`
}) (any, error) {
	s.rpc.CancelRequest(string(p.ID))
	return nil, nil
}

// configure reads the options for the roots again.
func (s *server) configure() {
	s.mu.Lock()
	roots, against := slices.Clone(s.roots), s.against
	s.mu.Unlock()
	opts := analysis.Options{}
	if s.opts.Configure != nil {
		var err error
		opts, err = s.opts.Configure(roots, against)
		faults, rest := configErrors(err)
		if rest != nil {
			s.log(rest)
		}
		s.mu.Lock()
		s.faults = faults
		s.mu.Unlock()
		s.publishConfig()
	}
	opts.Roots = roots
	s.work.SetOptions(opts)
	s.changed(s.work.OpenFiles()...)
}

// log hands out an error, or shows it.
func (s *server) log(err error) {
	if s.opts.ErrorLog != nil {
		s.opts.ErrorLog(err)
		return
	}
	s.rpc.Notify(context.Background(), "window/logMessage", object{"type": 1, "message": err.Error()})
}

func (s *server) didOpen(_ context.Context, p struct {
	Doc struct {
		URI     string `json:"uri"`
		Version int    `json:"version"`
		Text    string `json:"text"`
	} `json:"textDocument"`
}) (any, error) {
	s.setText(pathOf(p.Doc.URI), p.Doc.Version, p.Doc.Text)
	return nil, nil
}

func (s *server) setText(path string, version int, text string) {
	if s.isConfig(path) {
		s.setConfig(path, text)
		return
	}
	s.mu.Lock()
	s.versions[path] = version
	s.mu.Unlock()
	s.work.Open(path, text)
	s.changed(path)
}

func (s *server) didChange(_ context.Context, p struct {
	Doc     documentID `json:"textDocument"`
	Changes []struct {
		Range *textRange `json:"range"`
		Text  string     `json:"text"`
	} `json:"contentChanges"`
}) (any, error) {
	path := pathOf(p.Doc.URI)
	for _, c := range p.Changes {
		text := c.Text
		if c.Range != nil && !s.isConfig(path) { // not asked for, and yet some clients send it
			f := s.work.View(path).File(path)
			if f == nil {
				continue
			}
			span := spanOf(f.Tree, *c.Range)
			text = string(f.Tree.Source[:span.Start]) + c.Text + string(f.Tree.Source[span.End:])
		}
		version := 0
		if p.Doc.Version != nil {
			version = *p.Doc.Version
		}
		s.setText(path, version, text)
	}
	return nil, nil
}

// didSave reads a project file again, also for clients that watch no files.
func (s *server) didSave(_ context.Context, p documentParams) (any, error) {
	if s.isConfig(pathOf(p.TextDocument.URI)) {
		s.configure()
	}
	return nil, nil
}

func (s *server) didClose(_ context.Context, p documentParams) (any, error) {
	path := pathOf(p.TextDocument.URI)
	if s.isConfig(path) {
		s.closeConfig(path)
		return nil, nil
	}
	s.mu.Lock()
	delete(s.versions, path)
	s.mu.Unlock()
	s.work.Close(path)
	s.rpc.Notify(context.Background(), "textDocument/publishDiagnostics", publishParams{URI: uriOf(path), Diagnostics: []diagnostic{}})
	s.changed(path)
	return nil, nil
}

func (s *server) didChangeWatchedFiles(_ context.Context, p struct {
	Changes []struct {
		URI string `json:"uri"`
	} `json:"changes"`
}) (any, error) {
	for _, c := range p.Changes {
		path := pathOf(c.URI)
		if s.isConfig(path) {
			s.configure()
			continue
		}
		s.work.Changed(path)
		s.changed(path)
	}
	return nil, nil
}

func (s *server) didChangeFolders(_ context.Context, p struct {
	Event struct {
		Added   []struct{ URI string } `json:"added"`
		Removed []struct{ URI string } `json:"removed"`
	} `json:"event"`
}) (any, error) {
	s.mu.Lock()
	for _, f := range p.Event.Added {
		s.roots = append(s.roots, pathOf(f.URI))
	}
	for _, f := range p.Event.Removed {
		s.roots = slices.DeleteFunc(s.roots, func(r string) bool { return r == pathOf(f.URI) })
	}
	s.mu.Unlock()
	s.configure()
	return nil, nil
}

func (s *server) didChangeConfiguration(_ context.Context, p struct {
	Settings struct {
		Thriftkit struct {
			Against *string `json:"breakingAgainst"`
		} `json:"thriftkit"`
	} `json:"settings"`
}) (any, error) {
	if a := p.Settings.Thriftkit.Against; a != nil {
		s.mu.Lock()
		s.against = *a
		s.mu.Unlock()
	}
	s.configure()
	return nil, nil
}

// changed has the diagnostics of paths, and of what depends on them, published.
func (s *server) changed(paths ...string) {
	s.mu.Lock()
	for _, p := range paths {
		s.dirty[p] = true
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// publisher sends diagnostics: of the changed file first, then of those that include it. What changes
// meanwhile is sent once.
func (s *server) publisher(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-s.wake:
		}
		for {
			s.mu.Lock()
			paths := make([]string, 0, len(s.dirty))
			for p := range s.dirty {
				paths = append(paths, p)
			}
			clear(s.dirty)
			pull := s.pull
			s.mu.Unlock()
			if len(paths) == 0 || pull {
				break
			}
			s.publishAll(paths)
		}
	}
}

func (s *server) publishAll(paths []string) {
	defer func() {
		if p := recover(); p != nil {
			s.log(fmt.Errorf("diagnostics: panic: %v\n%s", p, debug.Stack()))
		}
	}()
	slices.Sort(paths)
	for _, p := range paths {
		s.publish(p)
	}
	for _, p := range paths {
		for _, d := range s.work.Dependents(p) {
			if !slices.Contains(paths, d) {
				s.publish(d)
			}
		}
	}
}

func (s *server) publish(path string) {
	s.mu.Lock()
	version, open := s.versions[path]
	s.mu.Unlock()
	if !open {
		return
	}
	list := s.diagnostics(path)
	s.mu.Lock()
	now, open := s.versions[path]
	s.mu.Unlock()
	if open && now == version { // else it is stale
		s.rpc.Notify(context.Background(), "textDocument/publishDiagnostics", publishParams{URI: uriOf(path), Version: &version, Diagnostics: list})
	}
}

// pathOf returns the path of a file URI with forward slashes; other URIs stand for themselves.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return uri
	}
	path := u.Path
	if len(path) > 2 && path[0] == '/' && path[2] == ':' { // /c:/dir
		path = path[1:]
	}
	if u.Host != "" && u.Host != "localhost" {
		path = "//" + u.Host + path
	}
	return path
}

// uriOf is the inverse of pathOf.
func uriOf(path string) string {
	if strings.Contains(path, "://") || strings.HasPrefix(path, "untitled:") {
		return path
	}
	if len(path) > 1 && path[1] == ':' {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
