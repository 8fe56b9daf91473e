package breaking

// A Text is a sentence in English and Chinese.
type Text struct{ English, Chinese string }

// A Category says who notices a change. Policies choose by it.
type Category uint8

// The categories. What breaks Wire breaks the others too.
const (
	Wire   Category = iota // bytes of binary and compact, and the names and forms of calls
	JSON                   // names in JSON: simple JSON, gateways, documents
	Source                 // generated code
	File                   // which file has a definition
)

var categoryNames = [...]string{"wire", "json", "source", "file"}

// String returns the name that policies use.
func (c Category) String() string { return categoryNames[c] }

// A Consequence is what happens to programs.
type Consequence uint8

// The consequences, from bad to harmless.
const (
	Corrupts   Consequence = iota // a reader misreads bytes
	Hangs                         // a client waits for a reply that does not come
	Rejects                       // a reader, or the peer, fails with an error
	Drops                         // a value is lost silently
	SourceOnly                    // running programs do not notice
)

var consequenceNames = [...]string{"corrupts", "hangs", "rejects", "drops", "source only"}

// String returns the word for reports.
func (c Consequence) String() string { return consequenceNames[c] }

// A Reader says which side fails.
type Reader uint8

// The readers, as a set.
const (
	OldReader Reader = 1 << iota // a program with the old schema reads what one with the new schema wrote
	NewReader                    // the other way round, stored data included
)

// A Rule is one kind of change.
type Rule struct {
	ID          string
	Category    Category
	Consequence Consequence // the usual one; a Finding has its own
	Warning     bool        // only a warning by default
	Meaning     Text
	Fix         Text
	Old, New    string // an example
}

// Rules returns all rules in the order of the documentation. They must not be changed.
func Rules() []*Rule { return rules }

// Find returns the rule called id, nil if there is none.
func Find(id string) *Rule {
	for _, r := range rules {
		if r.ID == id {
			return r
		}
	}
	return nil
}

var rules = []*Rule{
	{"METHOD_NO_DELETE", Wire, Rejects, false, Text{"A method is gone, or has another name. Moving it to a service that is extended is fine.", "方法被删除或改名。移到父服务中没有问题。"},
		Text{"Keep the method until no client calls it; rename by adding the new one beside it.", "保留该方法直到没有客户端调用；改名时先并存。"}, "service S {\n  void f()\n  void g()\n}\n", "service S {\n  void f()\n}\n"},
	{"METHOD_SAME_ONEWAY", Wire, Hangs, false, Text{"A method became oneway, or is no longer.", "方法变为 oneway，或不再是 oneway。"},
		Text{"Add a method with another name.", "新增一个名字不同的方法。"}, "service S {\n  void f()\n}\n", "service S {\n  oneway void f()\n}\n"},
	{"METHOD_SAME_RETURN_TYPE", Wire, Rejects, false, Text{"The result of a method has another type on the wire.", "方法返回值在网络上的类型改变。"},
		Text{"Add a method with another name, or return a struct from the start.", "新增一个名字不同的方法；一开始就返回结构体更好。"}, "service S {\n  i32 f()\n}\n", "service S {\n  i64 f()\n}\n"},
	{"METHOD_THROWS_ADDED", Wire, Drops, true, Text{"A method declares one more exception. An old client does not know it: a void method then seems to have succeeded, others fail with MISSING_RESULT.", "方法多声明了一个异常。旧客户端不认识：void 方法会误以为成功，其他方法得到 MISSING_RESULT。"},
		Text{"Update clients before servers throw it.", "先升级客户端，再让服务端抛出。"}, "exception X {}\nservice S {\n  void f()\n}\n", "exception X {}\nservice S {\n  void f() throws (1: X x)\n}\n"},
	{"METHOD_THROWS_DELETED", Source, SourceOnly, false, Text{"A method no longer declares an exception.", "方法不再声明某个异常。"},
		Text{"Clients that catch it no longer compile; servers must not throw it.", "捕获它的客户端无法编译；服务端不应再抛出。"}, "exception X {}\nservice S {\n  void f() throws (1: X x)\n}\n", "exception X {}\nservice S {\n  void f()\n}\n"},
	{"THROWS_SAME_ID", Wire, Drops, false, Text{"An exception of a method has another id.", "方法的异常改了编号。"},
		Text{"Keep the id.", "保留编号。"}, "exception X {}\nservice S {\n  void f() throws (1: X x)\n}\n", "exception X {}\nservice S {\n  void f() throws (2: X x)\n}\n"},
	{"THROWS_SAME_TYPE", Wire, Drops, false, Text{"An id in throws belongs to another exception.", "throws 中的编号对应另一个异常。"},
		Text{"Use a new id.", "使用新的编号。"}, "exception X {\n  1: i32 a\n}\nexception Y {\n  1: string a\n}\nservice S {\n  void f() throws (1: X x)\n}\n", "exception X {\n  1: i32 a\n}\nexception Y {\n  1: string a\n}\nservice S {\n  void f() throws (1: Y x)\n}\n"},
	{"SERVICE_NO_DELETE", Source, SourceOnly, false, Text{"A service is gone, or has another name. With multiplexed calls, which carry the name, it breaks the wire.", "服务被删除或改名。使用多路复用（名字在网络上）时会破坏网络兼容。"},
		Text{"Keep it until no client uses it.", "保留到没有客户端使用为止。"}, "service S {}\n", "service T {}\n"},
	{"SERVICE_EXTENDS_CHANGED", Source, SourceOnly, false, Text{"A service extends another one than before.", "服务改为继承另一个服务。"},
		Text{"The methods that are lost by it are reported on their own.", "因此丢失的方法另行报告。"}, "service A {}\nservice S extends A {}\n", "service A {}\nservice S {}\n"},
	{"FIELD_SAME_TYPE", Wire, Drops, false, Text{"A field has another type on the wire, typedefs resolved.", "字段在网络上的类型改变（typedef 已展开）。"},
		Text{"Add a field with a new id, fill both, and remove the old one when no reader needs it.", "新增一个编号不同的字段，两个都填写，等没有读取方需要旧字段时再删除。"}, "struct A {\n  1: i32 a\n}\n", "struct A {\n  1: i64 a\n}\n"},
	{"FIELD_ELEMENT_SAME_TYPE", Wire, Corrupts, false, Text{"The elements of a container have another type on the wire. Generated readers ignore the type that is sent for elements, so they read the bytes as something else.", "容器元素在网络上的类型改变。生成的读取代码不检查元素类型，会把字节误读成别的值。"},
		Text{"Add a field with a new id.", "新增一个编号不同的字段。"}, "struct A {\n  1: list<i32> a\n}\n", "struct A {\n  1: list<i64> a\n}\n"},
	{"FIELD_SAME_JSON_TYPE", JSON, Rejects, false, Text{"A field is the same in binary and compact and another in JSON: string and binary, or an enum and a number.", "字段在 binary 和 compact 中相同，在 JSON 中不同：string 与 binary，或枚举与数字。"},
		Text{"Also, bytes that are not UTF-8 are no string.", "另外，非 UTF-8 的字节不是合法的字符串。"}, "struct A {\n  1: string a\n}\n", "struct A {\n  1: binary a\n}\n"},
	{"FIELD_SAME_STRUCT", Source, SourceOnly, false, Text{"A field has another struct or enum, which is the same on the wire.", "字段换成了另一个结构体或枚举，网络上相同。"},
		Text{"Generated code changes.", "生成的代码会变化。"}, "struct X {\n  1: i32 a\n}\nstruct Y {\n  1: i32 a\n}\nstruct A {\n  1: X x\n}\n", "struct X {\n  1: i32 a\n}\nstruct Y {\n  1: i32 a\n}\nstruct A {\n  1: Y x\n}\n"},
	{"FIELD_NO_DELETE_REQUIRED", Wire, Rejects, false, Text{"A required field is gone: old readers fail without it.", "required 字段被删除：旧的读取方会报错。"},
		Text{"Make it optional first, update all readers, then remove it.", "先改成 optional，升级所有读取方，再删除。"}, "struct A {\n  1: required i32 a\n}\n", "struct A {\n  2: optional i32 b\n}\n"},
	{"FIELD_NO_ADD_REQUIRED", Wire, Rejects, false, Text{"A required field is new: what old programs write does not have it.", "新增 required 字段：旧程序写出的数据没有它。"},
		Text{"Make it optional, or give it no requiredness and a default.", "改成 optional，或不写修饰并给出默认值。"}, "struct A {\n  1: i32 a\n}\n", "struct A {\n  1: i32 a\n  2: required i32 b\n}\n"},
	{"FIELD_OPTIONAL_TO_REQUIRED", Wire, Rejects, false, Text{"A field became required: old programs may leave it out.", "字段变为 required：旧程序可能不写它。"},
		Text{"Leave it as it is and check the value.", "保持原样，改为检查值。"}, "struct A {\n  1: optional i32 a\n}\n", "struct A {\n  1: required i32 a\n}\n"},
	{"FIELD_REQUIRED_TO_OPTIONAL", Wire, Rejects, false, Text{"A field is no longer required: old readers fail when new writers leave it out.", "字段不再是 required：新的写入方省略它时，旧的读取方会报错。"},
		Text{"Update all readers before a writer leaves it out.", "先升级所有读取方，再允许省略。"}, "struct A {\n  1: required i32 a\n}\n", "struct A {\n  1: optional i32 a\n}\n"},
	{"FIELD_OPTIONAL_DEFAULT_SWAP", Source, SourceOnly, false, Text{"A field became optional, or lost the word.", "字段变为 optional，或去掉了 optional。"},
		Text{"Presence differs in generated code: pointers in Go, isset in Java.", "生成代码中是否存在的表示不同：Go 用指针，Java 用 isset。"}, "struct A {\n  1: i32 a\n}\n", "struct A {\n  1: optional i32 a\n}\n"},
	{"FIELD_NO_DELETE", Source, Drops, false, Text{"A field is gone and its id is not reserved.", "字段被删除，且编号没有保留。"},
		Text{"Reserve the id, so that nobody gives it another meaning: // reserved 2 \"name\".", "保留编号，避免日后被赋予别的含义：// reserved 2 \"name\"。"}, "struct A {\n  1: i32 a\n  2: i32 b\n}\n", "struct A {\n  1: i32 a\n}\n"},
	{"FIELD_ID_REUSED", Wire, Corrupts, false, Text{"A new field has an id that another field had before.", "新字段使用了以前其他字段用过的编号。"},
		Text{"Take an id that was never used.", "换一个从未用过的编号。"}, "struct A {\n  // reserved 2 \"old\"\n  1: i32 a\n}\n", "struct A {\n  1: i32 a\n  2: i32 b\n}\n"},
	{"FIELD_SAME_ID", Wire, Drops, false, Text{"A field has another id.", "字段改了编号。"},
		Text{"Keep the id: it is the identity of a field on the wire.", "保留编号：它是字段在网络上的标识。"}, "struct A {\n  1: i32 a\n}\n", "struct A {\n  2: i32 a\n}\n"},
	{"FIELD_SAME_NAME", JSON, Drops, false, Text{"A field has another name. Binary, compact and Apache's JSON do not carry it; simple JSON, gateways and generated code do.", "字段改名。binary、compact 和 Apache JSON 不带名字；simple JSON、网关和生成的代码会受影响。"},
		Text{"Keep the name.", "保留名字。"}, "struct A {\n  1: i32 a\n}\n", "struct A {\n  1: i32 b\n}\n"},
	{"FIELD_SAME_DEFAULT", Wire, Drops, true, Text{"A field has another default: when it is absent, old and new readers see different values.", "字段的默认值改变：缺失时新旧读取方得到不同的值。"},
		Text{"Send the value, or leave the default.", "显式发送该值，或不改默认值。"}, "struct A {\n  1: i32 a = 1\n}\n", "struct A {\n  1: i32 a = 2\n}\n"},
	{"UNION_MEMBER_DELETED", Wire, Rejects, false, Text{"A union lost a member: new readers see an empty union.", "union 少了成员：新的读取方会得到空的 union。"},
		Text{"Keep it until no writer sets it.", "保留到没有写入方使用为止。"}, "union U {\n  1: i32 a\n  2: i32 b\n}\n", "union U {\n  1: i32 a\n}\n"},
	{"UNION_MEMBER_ADDED", Wire, Rejects, true, Text{"A union has a new member: old readers see an empty union.", "union 多了成员：旧的读取方会得到空的 union。"},
		Text{"Update readers before a writer sets it.", "先升级读取方，再使用新成员。"}, "union U {\n  1: i32 a\n}\n", "union U {\n  1: i32 a\n  2: i32 b\n}\n"},
	{"STRUCT_KIND_CHANGED", Source, SourceOnly, false, Text{"A struct became an exception or the other way round; or a union, which is stricter on the wire.", "struct 与 exception 互换；或换成 union（网络上更严格）。"},
		Text{"Add a new type.", "新增一个类型。"}, "struct A {\n  1: i32 a\n}\n", "exception A {\n  1: i32 a\n}\n"},
	{"TYPE_NO_DELETE", Source, SourceOnly, false, Text{"A struct, union, exception, enum or typedef is gone, or has another name.", "结构体、union、异常、枚举或 typedef 被删除或改名。"},
		Text{"Names of types are not on the wire; a typedef keeps the old one.", "类型名不在网络上；可用 typedef 保留旧名。"}, "struct A {}\n", "struct B {}\n"},
	{"TYPE_MOVED_FILE", File, SourceOnly, false, Text{"A definition is in another file.", "定义移到了别的文件。"},
		Text{"Generated code moves to another package.", "生成的代码会换包。"}, "struct A {}\n-- b.thrift --\nstruct B {}\n", "-- b.thrift --\nstruct B {}\nstruct A {}\n"},
	{"ENUM_VALUE_NO_DELETE", Wire, Rejects, true, Text{"An enum value is gone: new readers get a number without a name (null in Java, an error in Rust, the number in Go).", "枚举值被删除：新的读取方得到没有名字的数值（Java 为 null，Rust 报错，Go 为数字）。"},
		Text{"Keep it, or reserve the number.", "保留它，或保留其数值。"}, "enum E {\n  A = 0\n  B = 1\n}\n", "enum E {\n  A = 0\n}\n"},
	{"ENUM_VALUE_SAME_NUMBER", Wire, Corrupts, false, Text{"An enum value has another number.", "枚举值的数值改变。"},
		Text{"Keep the number: it is what is sent.", "保留数值：网络上传输的就是它。"}, "enum E {\n  A = 1\n}\n", "enum E {\n  A = 2\n}\n"},
	{"ENUM_VALUE_SAME_NAME", JSON, Rejects, false, Text{"A number of an enum has another name.", "枚举数值对应的名字改变。"},
		Text{"Keep the name; JSON has it.", "保留名字；JSON 使用名字。"}, "enum E {\n  A = 1\n}\n", "enum E {\n  B = 1\n}\n"},
	{"ENUM_VALUE_ADDED", Wire, Rejects, true, Text{"An enum has a new value, which old readers do not know.", "枚举新增了值，旧的读取方不认识。"},
		Text{"Update readers before a writer sends it.", "先升级读取方，再发送新值。"}, "enum E {\n  A = 0\n}\n", "enum E {\n  A = 0\n  B = 1\n}\n"},
	{"CONST_NO_DELETE", Source, SourceOnly, false, Text{"A constant is gone, or has another name.", "常量被删除或改名。"}, Text{"Keep it.", "保留它。"}, "const i32 A = 1\n", "const i32 B = 1\n"},
	{"CONST_SAME_TYPE", Source, SourceOnly, false, Text{"A constant has another type.", "常量类型改变。"}, Text{"Add a constant.", "新增一个常量。"}, "const i32 A = 1\n", "const i64 A = 1\n"},
	{"CONST_SAME_VALUE", Source, SourceOnly, true, Text{"A constant has another value.", "常量的值改变。"}, Text{"Programs keep the value they were built with.", "程序保留编译时的值。"}, "const i32 A = 1\n", "const i32 A = 2\n"},
	{"NAMESPACE_SAME", Source, SourceOnly, false, Text{"A namespace changed: generated code moves.", "namespace 改变：生成的代码换包。"}, Text{"Keep the namespace.", "保留 namespace。"}, "namespace go a\nstruct A {}\n", "namespace go b\nstruct A {}\n"},
	{"FILE_NO_DELETE", File, SourceOnly, false, Text{"A file is gone.", "文件被删除。"}, Text{"Others may include it.", "其他文件可能 include 它。"}, "struct A {}\n-- b.thrift --\nstruct B {}\n", "struct A {}\n"},
	{"INCLUDE_REMOVED", File, SourceOnly, false, Text{"A file no longer includes another: names that lead through it are lost.", "文件不再 include 另一个文件：经由它的名字失效。"}, Text{"Include the other file where its names are used.", "在使用处直接 include。"}, "include \"b.thrift\"\nstruct A {}\n-- b.thrift --\nstruct B {}\n", "struct A {}\n-- b.thrift --\nstruct B {}\n"},
	{"ANNOTATION_SAME", Source, SourceOnly, false, Text{"An annotation of the configured keys (by default go.tag, cpp.type, streaming.mode, api.*) changed.", "指定的注解（默认 go.tag、cpp.type、streaming.mode、api.*）改变。"}, Text{"Generated code or routes change.", "生成的代码或路由会变化。"}, "struct A {\n  1: i32 a (go.tag = \"x\")\n}\n", "struct A {\n  1: i32 a (go.tag = \"y\")\n}\n"},
	{"RESERVED_NO_DELETE", Wire, Corrupts, false, Text{"A reservation of an id or a name is gone.", "编号或名字的保留被删除。"}, Text{"Keep it: it protects old data.", "保留它：它保护旧数据。"}, "struct A {\n  // reserved 2\n  1: i32 a\n}\n", "struct A {\n  1: i32 a\n}\n"},
}
