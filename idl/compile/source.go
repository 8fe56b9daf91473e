package compile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A Source finds the text of files. Paths are clean and use forward slashes; on Windows they
// may begin with a drive. A file that does not exist is an error that matches [fs.ErrNotExist].
//
// A Source that knows several names for one file, as file systems with links do, also has the
// method
//
//	Identity(path string) string
//
// which returns the same text for all of them; without it two files are the same if their
// paths are.
type Source interface {
	ReadFile(path string) ([]byte, error)
}

type identifier interface {
	Identity(path string) string
}

// OS is the Source of the operating system's files. Embed it to lay other texts over them, as
// an editor does with its unsaved buffers.
type OS struct{}

// ReadFile reads the file.
func (OS) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

// Identity returns the absolute path of the file with all links followed.
func (OS) Identity(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	return filepath.ToSlash(abs)
}

// FS returns a Source of the files in fsys, such as an embed.FS. Nothing outside fsys is ever
// read: an include that climbs above its root is a file that does not exist.
func FS(fsys fs.FS) Source { return fsSource{fsys} }

type fsSource struct{ fsys fs.FS }

func (s fsSource) ReadFile(path string) ([]byte, error) {
	if !fs.ValidPath(path) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return fs.ReadFile(s.fsys, path)
}

// Texts is a Source of texts in memory: path to text. A path is clean and has forward slashes.
type Texts map[string]string

// ReadFile returns the text of that path.
func (t Texts) ReadFile(path string) ([]byte, error) {
	text, ok := t[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

func cleanPath(name string) string {
	if name == "" {
		return ""
	}
	return path.Clean(filepath.ToSlash(name))
}

func isAbs(name string) bool { return path.IsAbs(name) || filepath.IsAbs(name) }

// programName returns the prefix under which other files see the names of file name: the base
// name up to its last dot.
func programName(name string) string {
	base := path.Base(name)
	if dot := strings.LastIndexByte(base, '.'); dot > 0 {
		base = base[:dot]
	}
	return base
}

// reason returns why a file cannot be read, without the path that the caller says anyway.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "it does not exist"
	}
	return fmt.Sprint(err)
}
