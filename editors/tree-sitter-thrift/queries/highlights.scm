; The colours of Thrift IDL.
(comment) @comment
(string) @string
[(integer) (double)] @number
(boolean) @constant.builtin
(base_type) @type.builtin
(type_name) @type
(constant_name) @constant

["include" "cpp_include" "hs_include"] @keyword
["namespace" "package"] @keyword
["const" "typedef" "enum" "struct" "union" "exception" "service" "interaction"] @keyword
["extends" "performs" "throws" "oneway" "async" "readonly" "idempotent" "required" "optional"] @keyword
["safe" "permanent" "transient" "stateful" "client" "server"] @keyword
["xsd_all" "xsd_optional" "xsd_nillable" "xsd_attrs" "cpp_type"] @keyword
["map" "list" "set" "stream" "sink"] @type.builtin

(const name: (identifier) @constant)
(enum_value name: (identifier) @constant)
[(typedef name: (identifier) @type) (enum name: (identifier) @type) (struct name: (identifier) @type)]
[(service name: (identifier) @type) (interaction name: (identifier) @type)]
(service extends: (identifier) @type)
(performs (identifier) @type)
(function name: (identifier) @function)
(field name: (identifier) @property)
(annotation name: (identifier) @attribute)
(structured_annotation "@" @attribute (identifier) @attribute)
(namespace scope: (identifier) @module)
(namespace name: (identifier) @module)
["=" "&"] @operator
["," ";" ":"] @punctuation.delimiter
["(" ")" "{" "}" "[" "]" "<" ">"] @punctuation.bracket
