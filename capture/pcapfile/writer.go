package pcapfile

import (
	"encoding/binary"
	"io"
)

// A Writer writes a pcap file with nanoseconds. Not for concurrent use.
type Writer struct {
	w   io.Writer
	buf []byte
	err error
}

// NewWriter writes the header of a file, for packets of the link-layer type link, and returns a Writer for them. What
// goes wrong, Write returns.
func NewWriter(w io.Writer, link int) *Writer {
	h := binary.LittleEndian.AppendUint32(nil, magicNano)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 4)
	h = binary.LittleEndian.AppendUint64(h, 0)
	h = binary.LittleEndian.AppendUint32(h, 256<<10)
	h = binary.LittleEndian.AppendUint32(h, uint32(link))
	_, err := w.Write(h)
	return &Writer{w: w, err: err}
}

// Write writes a packet; its Link is not looked at.
func (w *Writer) Write(p Packet) error {
	if w.err != nil {
		return w.err
	}
	b := binary.LittleEndian.AppendUint32(w.buf[:0], uint32(p.Time.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.Time.Nanosecond()))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(max(p.Length, len(p.Data))))
	w.buf = append(b, p.Data...)
	_, w.err = w.w.Write(w.buf)
	return w.err
}
