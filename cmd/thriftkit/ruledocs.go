package main

import (
	"fmt"
	"strings"

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
