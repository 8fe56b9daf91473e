package schema

// A Mismatch is one reason why a Go type cannot stand for a type of the schema: what binding reports.
type Mismatch struct {
	Pos     Position // in the IDL; zero if the schema is not from text
	IDL     string   // what the IDL has there, such as "Work.num1 (i32)"
	Go      string   // path of the Go side, such as "main.Work.Num1 (string)"
	Message string
}

// Error returns "foo.thrift:3:5: Work.num1 (i32) and Go main.Work.Num1 (string): message".
func (m *Mismatch) Error() string {
	s := m.IDL + " and Go " + m.Go + ": " + m.Message
	if m.Pos.IsValid() {
		s = m.Pos.String() + ": " + s
	}
	return s
}
