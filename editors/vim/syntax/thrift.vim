" Thrift IDL
if exists("b:current_syntax") | finish | endif
syntax keyword thriftHeader namespace include cpp_include
syntax keyword thriftStructure const typedef enum struct union exception service extends throws
syntax keyword thriftModifier required optional oneway async cpp_type xsd_all xsd_optional xsd_nillable xsd_attrs
syntax keyword thriftType bool byte i8 i16 i32 i64 double string binary uuid map set list void
" fbthrift's words are keywords in one place only.
syntax match thriftHeader "\<\%(package\|hs_include\)\ze\s*[\"';]"
syntax match thriftStructure "\<\%(interaction\|performs\)\ze\s\+\h"
syntax match thriftType "\<\%(stream\|sink\)\ze\s*<"
syntax match thriftModifier "\<\%(safe\|permanent\|transient\|stateful\|client\|server\)\ze\%(\s\+\w\+\)\{0,2}\s\+exception\>"
syntax match thriftModifier "^\s*\zs\%(readonly\|idempotent\)\ze\s\+[A-Za-z0-9_.]\+\s*[A-Za-z0-9_<]"
syntax match thriftAnnotation "@\h[A-Za-z0-9_.]*"
syntax keyword thriftBoolean true false
syntax match thriftNumber "\<[+-]\?\%(0x\x\+\|\d\+\%(\.\d*\)\?\%([eE][+-]\?\d\+\)\?\)\>"
syntax region thriftString start=+"+ skip=+\\.+ end=+"\|$+
syntax region thriftString start=+'+ skip=+\\.+ end=+'\|$+
syntax keyword thriftTodo TODO FIXME XXX contained
syntax match thriftComment "\%(//\|#\).*$" contains=thriftTodo,@Spell
syntax region thriftComment start="/\*" end="\*/" contains=thriftTodo,@Spell
highlight default link thriftHeader Include
highlight default link thriftStructure Structure
highlight default link thriftModifier StorageClass
highlight default link thriftType Type
highlight default link thriftAnnotation PreProc
highlight default link thriftBoolean Boolean
highlight default link thriftNumber Number
highlight default link thriftString String
highlight default link thriftComment Comment
highlight default link thriftTodo Todo
let b:current_syntax = "thrift"
