package registry

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/thriftkit/thriftkit/discovery"
)

// A record is a change as it is kept.
type record struct {
	Revision int64              `json:"revision"`
	Service  string             `json:"service"`
	Instance discovery.Instance `json:"instance"` // of one that was removed only the address
	Removed  bool               `json:"removed,omitempty"`
	Lease    int64              `json:"lease,omitempty"`
	TTL      int64              `json:"ttl,omitempty"` // milliseconds
}

// A snapshot is everything at one revision.
type snapshot struct {
	Revision int64    `json:"revision"`
	Records  []record `json:"records"`
}

// A store keeps changes in a directory: a file "snapshot" with everything at some revision, and a file "log" with the changes since.
// Both begin with a line that names their format; then come blocks of a length and a checksum (CRC-32C), each of 4 bytes and
// little-endian, and JSON.
type store struct {
	dir     string
	sync    bool
	lock    *os.File
	log     *os.File
	size    int64 // of what is good in the log
	records int   // in the log
	broken  error // the log cannot be written any more

	mu     sync.Mutex
	synced int64 // size that is on the disk
}

const (
	logHeader      = "thriftkit registry log 1\n"
	snapshotHeader = "thriftkit registry snapshot 1\n"
	maxBlock       = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openStore opens dir and returns what it has. report learns of a log that was cut.
func openStore(dir string, sync bool, report func(error)) (*store, snapshot, []record, error) {
	var snap snapshot
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, snap, nil, err
	}
	s := &store{dir: dir, sync: sync}
	var err error
	if s.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, snap, nil, fmt.Errorf("%s: another registry uses it: %w", dir, err)
	}
	fail := func(err error) (*store, snapshot, []record, error) {
		s.close()
		return nil, snap, nil, err
	}
	if snap, err = readSnapshot(filepath.Join(dir, "snapshot")); err != nil {
		return fail(err)
	}
	s.log, err = os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fail(err)
	}
	records, err := s.readLog(report)
	if err != nil {
		return fail(err)
	}
	return s, snap, records, nil
}

func (s *store) close() error {
	var err error
	if s.log != nil {
		err = s.log.Close()
	}
	return errors.Join(err, s.lock.Close())
}

func readSnapshot(name string) (snap snapshot, err error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return snap, nil
	}
	if err != nil {
		return snap, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	text, err := readHeader(r, snapshotHeader)
	if err == nil {
		text, err = readBlock(r)
	}
	if err == nil {
		err = json.Unmarshal(text, &snap)
	}
	if err != nil { // it was renamed when it was complete: a disk or a person changed it
		return snap, fmt.Errorf("%s: damaged: %w: restore it, or remove it to begin without its instances, which register again", name, noEOF(err))
	}
	return snap, nil
}

func readHeader(r io.Reader, want string) ([]byte, error) {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil {
		return nil, err
	}
	if string(got) != want {
		return nil, fmt.Errorf("begins with %q, want %q", got, want)
	}
	return nil, nil
}

// readBlock reads the length, the checksum and the text of a block; io.EOF if there is none.
func readBlock(r io.Reader) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(head[:])
	if length > maxBlock {
		return nil, fmt.Errorf("a block of %d bytes", length)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(length))) // grows with what there is
	if err == nil && len(text) < int(length) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(text, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errors.New("the checksum is wrong")
	}
	return text, nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func appendBlock(dst []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(text, castagnoli))
	return append(dst, text...), nil
}

// readLog returns the records of the log, and cuts what follows the last good one: the tail of a write that did not end. What is cut
// goes to the file "log.cut", in case it was more than that.
func (s *store) readLog(report func(error)) (records []record, err error) {
	info, err := s.log.Stat()
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(s.log)
	if _, bad := readHeader(r, logHeader); bad != nil {
		if info.Size() >= int64(len(logHeader)) {
			return nil, fmt.Errorf("%s: not a log of a registry: %w", s.log.Name(), bad)
		}
		return nil, s.resetLog()
	}
	s.size = int64(len(logHeader))
	for {
		text, bad := readBlock(r)
		var one record
		if bad == nil {
			bad = json.Unmarshal(text, &one)
		}
		if bad == io.EOF {
			break
		}
		if bad != nil {
			if err := s.cut(info.Size(), bad, len(records), report); err != nil {
				return nil, err
			}
			break
		}
		records = append(records, one)
		s.size += int64(8 + len(text))
	}
	s.records, s.synced = len(records), s.size
	_, err = s.log.Seek(s.size, io.SeekStart)
	return records, err
}

func (s *store) cut(size int64, why error, after int, report func(error)) error {
	tail := make([]byte, size-s.size)
	if _, err := s.log.ReadAt(tail, s.size); err != nil {
		return err
	}
	kept := filepath.Join(s.dir, "log.cut")
	if err := os.WriteFile(kept, tail, 0o666); err != nil {
		return err
	}
	report(fmt.Errorf("%s: cut %d bytes after record %d, at byte %d: %w; they are in %s", s.log.Name(), len(tail), after, s.size, noEOF(why), kept))
	if err := s.log.Truncate(s.size); err != nil {
		return err
	}
	return s.log.Sync()
}

// resetLog makes the log empty.
func (s *store) resetLog() error {
	if err := s.log.Truncate(0); err != nil {
		return err
	}
	if _, err := s.log.WriteAt([]byte(logHeader), 0); err != nil {
		return err
	}
	s.size, s.records = int64(len(logHeader)), 0
	if _, err := s.log.Seek(s.size, io.SeekStart); err != nil {
		return err
	}
	s.mu.Lock()
	s.synced = 0
	s.mu.Unlock()
	return s.log.Sync()
}

// append writes a record. It is not on the disk before flush.
func (s *store) append(one record) error {
	if s.broken != nil {
		return s.broken
	}
	block, err := appendBlock(nil, one)
	if err != nil {
		return err
	}
	if _, err := s.log.Write(block); err != nil {
		// What was written of it must not stand before the next one.
		if bad := s.log.Truncate(s.size); bad != nil {
			s.broken = fmt.Errorf("the log cannot be written after: %w", err)
		} else if _, bad := s.log.Seek(s.size, io.SeekStart); bad != nil {
			s.broken = fmt.Errorf("the log cannot be written after: %w", err)
		}
		return err
	}
	s.size += int64(len(block))
	s.records++
	return nil
}

// flush waits until the first size bytes of the log are on the disk. Calls that wait share one write. Any number of goroutines may
// call it, beside append.
func (s *store) flush(size int64) error {
	if !s.sync {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.synced >= size {
		return nil
	}
	info, err := s.log.Stat()
	if err != nil {
		return err
	}
	if err := s.log.Sync(); err != nil {
		return err
	}
	s.synced = info.Size()
	return nil
}

// compact replaces the snapshot, and begins a new log. A crash in between leaves records in the log that the snapshot has: they have no
// later revision than it.
func (s *store) compact(snap snapshot) error {
	text, err := appendBlock([]byte(snapshotHeader), snap)
	if err != nil {
		return err
	}
	name := filepath.Join(s.dir, "snapshot")
	f, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return err
	}
	syncDir(s.dir)
	return s.resetLog()
}

// syncDir makes a rename last. Not all systems can: what fails there is no worse than before.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
