// The grammar of Thrift IDL for tree-sitter: Apache Thrift's language and what fbthrift and Kitex add. Its parser accepts what thriftkit's own
// parser accepts, over the corpus of public files that the tests have; it may accept more.
const keywords = ["void", "bool", "byte", "i8", "i16", "i32", "i64", "double", "string", "binary", "uuid"];

// What a list of rules in brackets looks like: separators are optional everywhere.
const list = ($, open, rule, close) => seq(open, repeat(seq(rule, optional($._separator))), close);

module.exports = grammar({
  name: "thrift",
  word: ($) => $.identifier,
  extras: ($) => [/[\s\uFEFF]/, $.comment],

  rules: {
    document: ($) => repeat(seq(choice($._header, $._definition), optional($._separator))),

    comment: () => token(choice(seq("//", /[^\n]*/), seq("#", /[^\n]*/), seq("/*", /[^*]*\*+([^/*][^*]*\*+)*/, "/"))),
    _separator: () => choice(",", ";"),

    _header: ($) => choice($.include, $.namespace, $.package),
    include: ($) => seq(choice("include", "cpp_include", "hs_include"), $.string),
    namespace: ($) =>
      seq("namespace", field("scope", choice("*", $.identifier)), field("name", choice($.identifier, $.string)), optional($.annotations)),
    package: ($) => seq(repeat($.structured_annotation), "package", optional($.string), ";"),

    _definition: ($) => seq(repeat($.structured_annotation), choice($.const, $.typedef, $.enum, $.struct, $.service, $.interaction)),
    const: ($) => seq("const", field("type", $._type), field("name", $.identifier), "=", field("value", $._value), optional($.annotations)),
    typedef: ($) => seq("typedef", field("type", $._type), field("name", $.identifier), optional($.annotations)),
    enum: ($) => seq("enum", field("name", $.identifier), list($, "{", $.enum_value, "}"), optional($.annotations)),
    enum_value: ($) => seq(repeat($.structured_annotation), field("name", $.identifier), optional(seq("=", $.integer)), optional($.annotations)),
    struct: ($) =>
      seq(
        repeat(choice("safe", "permanent", "transient", "stateful", "client", "server")),
        choice("struct", "union", "exception"),
        field("name", $.identifier),
        optional("xsd_all"),
        list($, "{", $.field, "}"),
        optional($.annotations),
      ),
    field: ($) =>
      seq(
        repeat($.structured_annotation),
        optional(seq(field("id", $.integer), ":")),
        optional(choice("required", "optional")),
        field("type", $._type),
        optional("&"),
        field("name", $.identifier),
        optional(seq("=", field("default", $._value))),
        optional("xsd_optional"),
        optional("xsd_nillable"),
        optional(seq("xsd_attrs", list($, "{", $.field, "}"))),
        optional($.annotations),
      ),

    service: ($) =>
      seq("service", field("name", $.identifier), optional(seq("extends", field("extends", $.identifier))), $._functions, optional($.annotations)),
    interaction: ($) => seq("interaction", field("name", $.identifier), $._functions, optional($.annotations)),
    _functions: ($) => list($, "{", choice($.function, $.performs), "}"),
    performs: ($) => seq("performs", $.identifier),
    function: ($) =>
      seq(
        repeat($.structured_annotation),
        optional(choice("oneway", "async", "readonly", "idempotent")),
        field("result", seq($._result, repeat(seq(",", $._result)))),
        field("name", $.identifier),
        field("parameters", $.parameters),
        optional($.throws),
        optional($.annotations),
      ),
    _result: ($) => choice($._type, $.stream),
    stream: ($) => seq(choice("stream", "sink"), "<", $._type, optional($.throws), optional(seq(",", $._type, optional($.throws))), ">"),
    parameters: ($) => list($, "(", $.field, ")"),
    throws: ($) => seq("throws", list($, "(", $.field, ")")),

    _type: ($) => seq(choice($.base_type, $.container, $._type_name), optional($.annotations)),
    _type_name: ($) => alias($.identifier, $.type_name),
    base_type: () => choice(...keywords),
    container: ($) =>
      choice(
        seq("map", optional($.cpp_type), "<", $._type, ",", $._type, ">"),
        seq(choice("list", "set"), optional($.cpp_type), "<", $._type, ">", optional($.cpp_type)),
      ),
    cpp_type: ($) => seq("cpp_type", $.string),

    annotations: ($) => list($, "(", $.annotation, ")"),
    annotation: ($) => seq(field("name", $.identifier), optional(seq("=", field("value", choice($.string, $.integer, $.boolean))))),
    structured_annotation: ($) => seq("@", $.identifier, optional($.struct_value)),

    _value: ($) => choice($.integer, $.double, $.boolean, $.string, $.constant_name, $.list_value, $.map_value, $._struct_literal),
    _struct_literal: ($) => prec(1, seq(alias($.identifier, $.type_name), $.struct_value)),
    constant_name: ($) => $.identifier,
    list_value: ($) => list($, "[", $._value, "]"),
    map_value: ($) => list($, "{", seq($._value, ":", $._value), "}"),
    struct_value: ($) => list($, "{", seq($.identifier, "=", $._value), "}"),
    boolean: () => choice("true", "false"),
    integer: () => token(seq(optional(/[+-]/), choice(/[0-9]+/, /0[xX][0-9a-fA-F]+/))),
    double: () => token(prec(1, seq(optional(/[+-]/), choice(/[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?/, /[0-9]+\.([eE][+-]?[0-9]+)?/, /[0-9]+[eE][+-]?[0-9]+/)))),
    string: () => token(choice(/"([^"\\]|\\(.|\n))*"/, /'([^'\\]|\\(.|\n))*'/)),
    identifier: () => /[A-Za-z_][A-Za-z0-9_]*([.-][A-Za-z0-9_]+)*/,
  },
});
