package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
)

// A remembered call is one that was made from the form: where, what, and the arguments as JSON. Headers
// and passwords of the command line are no part of it.
type remembered struct {
	Target string          `json:"target"`
	Method string          `json:"method"`
	Args   json.RawMessage `json:"args"`
}

const (
	mostRemembered     = 200
	longestRemembered  = 64 << 10 // bytes of a call
	historyFile        = "history.jsonl"
	historyPermissions = 0o600
)

// historyPath returns the file of the calls that are remembered, "" if there is no place for it.
func historyPath() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "thriftkit", historyFile)
}

// readHistory returns the calls that are remembered, the newest last. What cannot be read is left out.
func readHistory(path string) (list []remembered) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 2*longestRemembered)
	for lines.Scan() {
		var r remembered
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Method != "" {
			list = append(list, r)
		}
	}
	return list
}

// remember adds a call to those in the file at path, in the place of the same one from before.
func remember(path string, r remembered) error {
	if len(r.Args) > longestRemembered {
		return nil
	}
	var out bytes.Buffer
	list := readHistory(path)
	kept := list[:0]
	for _, old := range list {
		if old.Target != r.Target || old.Method != r.Method || !bytes.Equal(old.Args, r.Args) {
			kept = append(kept, old)
		}
	}
	kept = append(kept, r)
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, r := range kept[max(0, len(kept)-mostRemembered):] {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), historyPermissions)
}
