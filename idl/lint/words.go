package lint

import (
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/symbols"
)

// languages are those that some generator has, as namespaces call them.
var languages = strings.Fields(`as3 c_glib cl cocoa cpp cpp2 csharp d dart delphi erl erlang go gv haxe hack hs html java java2 javame js json
kotlin kt lua markdown netcore netstd node nodejs noop ocaml perl php py py3 python python.asyncio rb rs rust scala smalltalk st swift
thrift ts twisted xml xsd`)

func set(text string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(text) {
		m[w] = true
	}
	return m
}

// apacheWords are the names that Apache Thrift's lexer refused up to 0.12, and thriftpy2 does.
var apacheWords = set(`BEGIN END __CLASS__ __DIR__ __FILE__ __FUNCTION__ __LINE__ __METHOD__ __NAMESPACE__ abstract alias and args as assert
begin break case catch class clone continue declare def default del delete do dynamic elif else elseif elsif end enddeclare
endfor endforeach endif endswitch endwhile ensure except exec finally float for foreach from function global goto if
implements import in inline instanceof interface is lambda module native new next nil not or package pass public print
private protected raise redo rescue retry register return self sizeof static super switch synchronized then this throw
transient try undef unless unsigned until use var virtual volatile when while with xor yield`)

var languageWords = map[string]map[string]bool{
	"py":     set(`False None True async await nonlocal print exec`),
	"go":     set(`break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var error string`),
	"java":   set(`boolean byte char double enum extends final int long short throws void null true false strictfp record`),
	"kotlin": set(`fun object typealias typeof val null true false`),
	"cpp":    set(`alignas alignof asm auto bool char char16_t char32_t char8_t compl const constexpr const_cast decltype double dynamic_cast enum explicit export extern friend int long mutable namespace noexcept nullptr operator reinterpret_cast short signed static_assert static_cast struct template thread_local typedef typeid typename union using void wchar_t co_await co_return co_yield concept requires`),
	"js":     set(`await arguments debugger enum eval export extends const let null typeof void`),
	"csharp": set(`base bool byte char checked const decimal delegate double enum event explicit extern fixed implicit int internal lock long namespace null object operator out override params readonly ref sbyte sealed short stackalloc string struct typeof uint ulong unchecked unsafe ushort using void`),
	"php":    set(`array callable const echo empty endif enum eval exit extends final include isset list namespace readonly require trait unset`),
	"rb":     set(`BEGIN END alias defined? false true undef`),
	"rs":     set(`async await become box const crate dyn enum extern false fn impl let loop macro match mod move mut override priv pub ref struct trait true type typeof unsafe unsized use where Self`),
	"swift":  set(`associatedtype deinit enum extension fileprivate func init inout internal let open operator protocol rethrows struct subscript typealias guard repeat where nil throws`),
	"dart":   set(`const enum extends false final null rethrow true void async await`),
	"lua":    set(`local repeat function nil true false`),
}

var languageAliases = map[string]string{"py3": "py", "python": "py", "twisted": "py", "cpp2": "cpp", "netstd": "csharp", "netcore": "csharp", "java2": "java",
	"kt": "kotlin", "js2": "js", "node": "js", "nodejs": "js", "ts": "js", "rust": "rs", "ruby": "rb"}

func wordsOf(lang string) map[string]bool {
	lang, _, _ = strings.Cut(lang, ".")
	if other, ok := languageAliases[lang]; ok {
		lang = other
	}
	return languageWords[lang]
}

// exported reports whether generated code of the language gives a name a capital, so that it meets no keyword.
func exported(lang string, kind symbols.Kind) bool { return lang == "go" && kind != symbols.Argument }

// annotationNames are those that generators and tools read.
var annotationNames = strings.Fields(`deprecated Deprecated nolint thrift.reserved priority thread doc
go.tag go.type go.name go.filepath go.key go.label redact
cpp.type cpp.template cpp.name cpp.ref cpp.ref_type cpp.customostream cpp.declare_hash cpp.declare_equal_to cpp.noncopyable cpp.methods cpp.mixin cpp.indirection cpp.box cpp2.type cpp2.ref cpp2.ref_type cpp.declare_bitwise_ops cpp.enum_type cpp.experimental.lazy cpp.virtual cpp.coroutine cpp.minimize_padding cpp.fbthrift_internal_resolve_terse
java.swift.type java.swift.name java.swift.annotations java.swift.mutable java.swift.exceptions java.swift.skip_enum_name_map java.type java.final java.lang.deprecated
py.type py3.hidden py3.name py3.flags py3.iobuf py.asyncio rust.type rust.name rust.box rust.newtype rust.ord rust.exhaustive rust.copy rust.arc
hack.attributes hack.name hack.experimental_adapter hs.prefix js.type php.path perl.module rb.name swift.name
hash_code equals final union.default abridged fragile message retryable transient key sorted_set_deserialize
streaming.mode kitex.name api.get api.post api.put api.delete api.patch api.options api.head api.any api.query api.path api.header api.cookie api.body api.form api.raw_body
api.raw_uri api.js_conv api.vd api.none api.param api.serializer api.baseurl api.gen_path api.category api.version api.base_domain api.file_name api.handler_path api.field_getter api.http_code api.response_converter
agw.js_conv agw.target agw.cli_conv agw.loader lc.stream`)

// annotationPrefixes are those of tools with many keys.
var annotationPrefixes = []string{"vt.", "thrift.", "openapi.", "validate.", "thriftkit.", "argument.", "js.", "erl.", "delphi."}

func knownAnnotation(name string) bool {
	return slices.Contains(annotationNames, name) ||
		slices.ContainsFunc(annotationPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
