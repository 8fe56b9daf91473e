package main

import (
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/lint"
)

// lintPages returns docs/lint.md in both languages, made of the table of rules.
func lintPages() map[string][]byte {
	return map[string][]byte{
		"docs/lint.md": lintPage(`# Lint rules

`+"`thriftkit lint [FILE…]`"+` looks for what is allowed in .thrift files and yet a mistake waiting to happen. This page is made from the table of
rules; `+"`thriftkit lint --explain RULE`"+` prints one of them. [中文](lint.zh-CN.md)

A rule belongs to a set: *minimal* is what breaks programs, *standard* (the default) adds what most projects want, *strict* adds taste, and
*comments* asks for documentation. Choose sets with `+"`--set`"+`, and the severity of a rule with `+"`--rule RULE=off`"+` (error, warning, note), or in
thriftkit.yaml:

`+lintYAML+`
Errors of the compiler stay errors: the file cannot be used. The exit code is 0 if there are no errors and warnings, 1 if there are (`+"`--fail-on`"+`
changes that), and 2 for usage errors.

`+"`--fix`"+` applies the fixes that keep the meaning of files; `+"`--unsafe-fixes`"+` adds those that change names in generated code, or the wire. Comments
are never lost. `+"`--write-baseline FILE`"+` accepts what is found today, and `+"`--baseline FILE`"+` leaves it out.

A comment suppresses a rule, and gives the reason: at the end of a line for the line, above a definition, field or method for all of it.
`+"`thrift:ignore-file`"+` holds for the file. `+"`(nolint = \"…\")` and `@nolint(…)`"+` are read as thriftcheck reads them.

`+"```thrift\n// thrift:ignore STRUCT_NAME_CASE the name is in stored data\nstruct my_struct {}\n```\n", false),
		"docs/lint.zh-CN.md": lintPage(`# Lint 规则

`+"`thriftkit lint [文件…]`"+` 检查 .thrift 文件中语法允许、但将来容易出问题的写法。本页由规则表生成；`+"`thriftkit lint --explain 规则`"+` 打印单条规则。[English](lint.md)

每条规则属于一个集合：*minimal* 是会让程序出错的问题，*standard*（默认）加上多数项目需要的规则，*strict* 加上风格偏好，*comments* 要求写注释。
用 `+"`--set`"+` 选择集合，用 `+"`--rule 规则=off`"+`（error、warning、note）调整级别，也可以写在 thriftkit.yaml 中：

`+lintYAML+`
编译器报告的错误始终是错误，因为文件无法使用。没有错误和警告时退出码为 0，有则为 1（可用 `+"`--fail-on`"+` 调整），用法错误为 2。

`+"`--fix`"+` 只做不改变含义的修复；加上 `+"`--unsafe-fixes`"+` 还会修改生成代码中的名字或网络格式。注释不会丢失。`+"`--write-baseline 文件`"+` 记录现有问题，`+"`--baseline 文件`"+` 忽略已记录的问题。

可以用注释屏蔽规则，并写明理由：写在行尾只对该行有效；写在定义、字段或方法的上一行，对整个定义有效。`+"`thrift:ignore-file`"+` 对整个文件有效。
也支持 thriftcheck 的 `+"`(nolint = \"…\")` 和 `@nolint(…)`"+`。

`+"```thrift\n// thrift:ignore STRUCT_NAME_CASE 名字已写入存储的数据\nstruct my_struct {}\n```\n", true),
	}
}

const lintYAML = "```yaml\nlint:\n  sets: [standard, comments]\n  rules:\n    FIELD_NOT_REQUIRED: off\n    ENUM_SIZE: error\n  ignore:\n    idl/legacy: [FIELD_NAME_CASE]\n" +
	"  languages: [go, java]\n  required-namespaces: [go]\n  namespaces:\n    go: ^shop\\.\n  field-case: snake        # or camel; also argument-case, method-case\n" +
	"  enum-size: 500           # also struct-size, type-nesting\n  service-suffix: Service  # also exception-suffix: [Exception, Error]\n" +
	"  restricted-includes:\n    ^idl/public/: [internal]\n  annotations: [my.tag]\n  dialect: apache          # or fbthrift, kitex\n```\n"

func lintPage(head string, chinese bool) []byte {
	var b strings.Builder
	b.WriteString(head)
	table, set, severity, fix := "\n| rule | set | severity | fix | |\n|---|---|---|---|---|\n", "set", "severity", "fix"
	fixes := [...]string{lint.NoFix: "", lint.SafeFix: "`--fix`", lint.UnsafeFix: "`--unsafe-fixes`"}
	bad, good := "Bad:", "Good:"
	if chinese {
		table, set, severity, fix = "\n| 规则 | 集合 | 级别 | 修复 | |\n|---|---|---|---|---|\n", "集合", "级别", "修复"
		bad, good = "反例：", "正例："
	}
	b.WriteString(table)
	say := func(t lint.Text) string {
		if chinese {
			return t.Chinese
		}
		return t.English
	}
	for _, r := range lint.Rules() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", r.ID, strings.ToLower(r.ID), r.Set, r.Severity, fixes[r.Fix], strings.ReplaceAll(say(r.Meaning), "|", "\\|"))
	}
	for _, r := range lint.Rules() {
		fmt.Fprintf(&b, "\n## %s\n\n%s %s\n\n%s: %s, %s: %s", r.ID, say(r.Meaning), say(r.Reason), set, r.Set, severity, r.Severity)
		if r.Fix != lint.NoFix {
			fmt.Fprintf(&b, ", %s: %s", fix, fixes[r.Fix])
		}
		fmt.Fprintf(&b, "\n\n%s\n\n```thrift\n%s```\n\n%s\n\n```thrift\n%s```\n", bad, r.Bad, good, r.Good)
	}
	return []byte(b.String())
}

// breakingPages returns docs/breaking.md in both languages, made of the table of rules.
func breakingPages() map[string][]byte {
	return map[string][]byte{"docs/breaking.md": breakingPage(breakingEnglish, false), "docs/breaking.zh-CN.md": breakingPage(breakingChinese, true)}
}

const breakingEnglish = `# Breaking changes

` + "`thriftkit breaking --against REF [FILE…]`" + ` compares .thrift files with an earlier state and says what the change does to programs that run. This page is
made from the table of rules; ` + "`--explain RULE`" + ` prints one. [中文](breaking.zh-CN.md)

REF is a git revision (` + "`main`, `HEAD~3`, `v1.2`" + `), a directory, a file, an archive (.tar, .tar.gz, .tgz, .zip), or a server that hands out its schema
(` + "`host:port`, `@prod`" + `). The exit code is 0 if nothing is broken, 1 if there are errors (` + "`--fail-on`" + `), 2 for usage errors.

Each finding says

- both places, the old one and the new one;
- the **consequence**: *corrupts* (a reader takes bytes for something else), *hangs* (a client waits for a reply that does not come), *rejects* (a
  reader or the peer fails), *drops* (a value is lost silently), *source only* (running programs do not notice);
- the **directions** in which it happens: old client → new server, new client → old server, stored data;
- the **dialects**, and the **order of the roll-out**: readers first, writers first, clients first, or two steps;
- what to do instead.

In thriftkit.yaml:

` + breakingYAML + `
**Policies** choose categories: *wire* (binary and compact), *json* (names and forms in JSON), *source* (generated code), *file* (which file has a definition).

**Accepted changes** stand in a file with a reason each: ` + "`--accepted FILE`; `--write-accepted`" + ` adds what is found.

**Reserved ids** keep an id from getting another meaning: ` + "`// reserved 4, 7-9 \"old\"`" + ` in the body of a struct or enum, or
` + "`(thrift.reserved = \"4, 7-9, old\")`" + ` after it. In a git repository, ids that fields had in earlier revisions are found as well (` + "`--history`" + `), also in editors.

## Types on the wire

| old and new | binary, compact | JSON |
|---|---|---|
| typedef and its type | same | same |
| enum and i32 | same | name or number |
| string and binary | same bytes; bytes that are not UTF-8 are no string | base64 or text |
| struct A and struct B | compared field by field | by name |
| i32 and i64, list and set, bool and i8, T and list<T>, double and any other | the type differs: the field is skipped, its value is lost | error or lost |
| list<i32> and list<i64>, other elements, keys and values | generated readers ignore the type of elements and **misread** the bytes; thriftkit's readers see it and give an empty container | misread or lost |

The tests of package idl/breaking encode with the old schema and decode with the new one, in binary, compact and JSON. They do so with
thriftkit's readers; that generated readers of Apache Thrift misread elements was seen with Apache's Python library, in binary.
`

const breakingChinese = `# 不兼容变更

` + "`thriftkit breaking --against REF [文件…]`" + ` 把 .thrift 文件与较早的状态比较，说明变更对运行中的程序有什么影响。本页由规则表生成；` + "`--explain 规则`" + ` 打印单条规则。[English](breaking.md)

REF 可以是 git 版本（` + "`main`、`HEAD~3`、`v1.2`" + `）、目录、文件、归档（.tar、.tar.gz、.tgz、.zip），或能提供自身 schema 的服务端（` + "`host:port`、`@prod`" + `）。
没有不兼容时退出码为 0，有错误为 1（可用 ` + "`--fail-on`" + ` 调整），用法错误为 2。

每个问题都会说明：

- 新旧两处位置；
- **后果**：*corrupts*（读取方把字节误读成别的值）、*hangs*（客户端等待不会到来的应答）、*rejects*（读取方或对端报错）、*drops*（值被静默丢弃）、*source only*（运行中的程序不受影响）；
- 发生的**方向**：旧客户端 → 新服务端、新客户端 → 旧服务端、已存储的数据；
- 涉及的**方言**和**上线顺序**：先升级读取方、先升级写入方、先升级客户端，或需要两步；
- 替代做法。

thriftkit.yaml 中的设置：

` + breakingYAML + `
**策略**按类别选择：*wire*（binary 与 compact）、*json*（JSON 中的名字与形式）、*source*（生成的代码）、*file*（定义所在的文件）。

**已接受的变更**写在文件里，每条都要有理由：` + "`--accepted 文件`；`--write-accepted`" + ` 把当前问题加进去。

**保留编号**避免编号被赋予别的含义：在 struct 或 enum 的定义体中写 ` + "`// reserved 4, 7-9 \"old\"`" + `，或在其后写 ` + "`(thrift.reserved = \"4, 7-9, old\")`" + `。
在 git 仓库中，还会查找字段在历史版本中用过的编号（` + "`--history`" + `），编辑器中也一样。

## 网络上的类型

| 新旧类型 | binary、compact | JSON |
|---|---|---|
| typedef 与其类型 | 相同 | 相同 |
| enum 与 i32 | 相同 | 名字或数字 |
| string 与 binary | 字节相同；非 UTF-8 的字节不是合法字符串 | base64 或文本 |
| struct A 与 struct B | 逐字段比较 | 按名字 |
| i32 与 i64、list 与 set、bool 与 i8、T 与 list<T>、double 与其他 | 类型不同：跳过该字段，值丢失 | 报错或丢失 |
| list<i32> 与 list<i64> 及其他元素、键、值类型 | 生成的读取代码不检查元素类型，会**误读**字节；thriftkit 的读取方能发现，得到空容器 | 误读或丢失 |

idl/breaking 包的测试用旧 schema 编码、用新 schema 解码，覆盖 binary、compact 和 JSON。测试使用 thriftkit 的读取方；生成代码误读元素的现象是用 Apache 的 Python 库在 binary 协议下观察到的。
`

const breakingYAML = "```yaml\nbreaking:\n  against: main\n  policy: [wire, json]\n  accepted: breaking.json\n  multiplexed: false\n  annotations: [go.tag, api.*]\n```\n"

func breakingPage(head string, chinese bool) []byte {
	var b strings.Builder
	b.WriteString(head)
	severity := map[bool]string{false: "error", true: "warning"}
	if chinese {
		b.WriteString("\n## 规则\n\n| 规则 | 类别 | 级别 | 后果 | |\n|---|---|---|---|---|\n")
	} else {
		b.WriteString("\n## Rules\n\n| rule | category | severity | consequence | |\n|---|---|---|---|---|\n")
	}
	say := func(t breaking.Text) string {
		if chinese {
			return t.Chinese
		}
		return t.English
	}
	for _, r := range breaking.Rules() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", r.ID, strings.ToLower(r.ID), r.Category, severity[r.Warning], r.Consequence, say(r.Meaning))
	}
	before, after := "Before:", "After:"
	if chinese {
		before, after = "之前：", "之后："
	}
	for _, r := range breaking.Rules() {
		fmt.Fprintf(&b, "\n### %s\n\n%s %s\n\n%s\n\n```thrift\n%s```\n\n%s\n\n```thrift\n%s```\n", r.ID, say(r.Meaning), say(r.Fix), before, r.Old, after, r.New)
	}
	return []byte(b.String())
}
