/**
 * What fbthrift's servers say about themselves: the part of its thrift/lib/thrift/metadata.thrift
 * that has to do with what Apache Thrift's IDL can express. Names of definitions are file.Name.
 */

enum ThriftPrimitiveType {
  THRIFT_BOOL_TYPE = 1,
  THRIFT_BYTE_TYPE = 2,
  THRIFT_I16_TYPE = 3,
  THRIFT_I32_TYPE = 4,
  THRIFT_I64_TYPE = 5,
  THRIFT_DOUBLE_TYPE = 7,
  THRIFT_BINARY_TYPE = 8,
  THRIFT_STRING_TYPE = 9,
  THRIFT_VOID_TYPE = 10,
}

struct ThriftListType {
  1: optional ThriftType valueType,
}

struct ThriftSetType {
  1: optional ThriftType valueType,
}

struct ThriftMapType {
  1: optional ThriftType keyType,
  2: optional ThriftType valueType,
}

struct ThriftEnumType {
  1: string name,
}

struct ThriftStructType {
  1: string name,
}

struct ThriftUnionType {
  1: string name,
}

struct ThriftTypedefType {
  1: string name,
  2: optional ThriftType underlyingType,
}

union ThriftType {
  1: ThriftPrimitiveType t_primitive,
  2: ThriftListType t_list,
  3: ThriftSetType t_set,
  4: ThriftMapType t_map,
  5: ThriftEnumType t_enum,
  6: ThriftStructType t_struct,
  7: ThriftUnionType t_union,
  8: ThriftTypedefType t_typedef,
}

struct ThriftEnum {
  1: string name,
  2: map<i32, string> elements,
}

struct ThriftField {
  1: i32 id,
  2: ThriftType type,
  3: string name,
  4: bool is_optional,
}

struct ThriftStruct {
  1: string name,
  2: list<ThriftField> fields,
  3: bool is_union,
}

struct ThriftException {
  1: string name,
  2: list<ThriftField> fields,
}

struct ThriftFunction {
  1: string name,
  2: ThriftType return_type,
  3: list<ThriftField> arguments,
  4: list<ThriftField> exceptions,
  5: bool is_oneway,
}

struct ThriftService {
  1: string name,
  2: list<ThriftFunction> functions,
  3: optional string parent,
}

struct ThriftModuleContext {
  1: string name,
}

struct ThriftServiceContext {
  1: ThriftService service_info,
  2: ThriftModuleContext module,
}

struct ThriftServiceContextRef {
  1: string service_name,
  2: ThriftModuleContext module,
}

struct ThriftMetadata {
  2: map<string, ThriftEnum> enums,
  4: map<string, ThriftStruct> structs,
  5: map<string, ThriftException> exceptions,
  6: map<string, ThriftService> services,
}

struct ThriftServiceMetadataResponse {
  /** Of the first service. */
  1: ThriftServiceContext context,
  2: ThriftMetadata metadata,
  3: list<ThriftServiceContextRef> services,
}

service ThriftMetadataService {
  ThriftServiceMetadataResponse getThriftServiceMetadata(),
}
