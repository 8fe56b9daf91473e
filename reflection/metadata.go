package reflection

import (
	"github.com/thriftkit/thriftkit/schema"
)

// metadata returns a ThriftServiceMetadataResponse for the services.
func metadata(services []*schema.Service) map[string]any {
	enums, structs, exceptions := make(map[string]any), make(map[string]any), make(map[string]any)
	all := make(map[string]any)
	for _, f := range reached(services) {
		for _, e := range f.Enums {
			enums[name(f, e.Name)] = enum(e)
		}
		for _, s := range f.Structs {
			desc := map[string]any{"name": name(f, s.Name), "fields": fields(s.Fields)}
			if s.Kind == schema.Exception {
				exceptions[name(f, s.Name)] = desc
				continue
			}
			desc["is_union"] = s.Kind == schema.Union
			structs[name(f, s.Name)] = desc
		}
	}
	var refs []any
	for _, svc := range services {
		for ; svc != nil && all[name(svc.File, svc.Name)] == nil; svc = svc.Extends {
			all[name(svc.File, svc.Name)] = service(svc)
			refs = append(refs, map[string]any{"service_name": name(svc.File, svc.Name), "module": module(svc)})
		}
	}
	answer := map[string]any{
		"metadata": map[string]any{"enums": enums, "structs": structs, "exceptions": exceptions, "services": all},
		"services": refs,
	}
	if len(services) > 0 {
		answer["context"] = map[string]any{"service_info": service(services[0]), "module": module(services[0])}
	}
	return answer
}

func module(svc *schema.Service) map[string]any {
	if svc.File == nil {
		return map[string]any{"name": ""}
	}
	return map[string]any{"name": svc.File.Name}
}

func name(f *schema.File, definition string) string {
	if f == nil {
		return definition
	}
	return f.Name + "." + definition
}

func enum(e *schema.Enum) map[string]any {
	elements := make(map[int32]string)
	for _, v := range e.Values {
		elements[v.Number] = v.Name
	}
	return map[string]any{"name": name(e.File, e.Name), "elements": elements}
}

func service(svc *schema.Service) map[string]any {
	var functions []any
	for _, m := range svc.Methods {
		functions = append(functions, map[string]any{
			"name": m.Name, "return_type": typeOf(m.Result), "arguments": fields(m.Args.Fields),
			"exceptions": fields(m.Throws), "is_oneway": m.Oneway,
		})
	}
	desc := map[string]any{"name": name(svc.File, svc.Name), "functions": functions}
	if svc.Extends != nil {
		desc["parent"] = name(svc.Extends.File, svc.Extends.Name)
	}
	return desc
}

func fields(list []*schema.Field) []any {
	out := []any{}
	for _, f := range list {
		out = append(out, map[string]any{
			"id": int32(f.ID), "name": f.Name, "type": typeOf(f.Type), "is_optional": f.Requiredness == schema.Optional,
		})
	}
	return out
}

// primitives are fbthrift's names for the kinds that need no more. It has none for a uuid, which is
// 16 bytes.
var primitives = map[schema.Kind]string{
	schema.KindVoid: "VOID", schema.KindBool: "BOOL", schema.KindI8: "BYTE", schema.KindI16: "I16", schema.KindI32: "I32",
	schema.KindI64: "I64", schema.KindDouble: "DOUBLE", schema.KindString: "STRING", schema.KindBinary: "BINARY", schema.KindUUID: "BINARY",
}

// typeOf returns a ThriftType.
func typeOf(t *schema.Type) map[string]any {
	if td := t.Typedef; td != nil {
		return map[string]any{"t_typedef": map[string]any{"name": name(td.File, td.Name), "underlyingType": typeOf(td.Type)}}
	}
	switch t.Kind {
	case schema.KindEnum:
		return map[string]any{"t_enum": map[string]any{"name": name(t.Enum.File, t.Enum.Name)}}
	case schema.KindStruct:
		member := "t_struct"
		if t.Struct.Kind == schema.Union {
			member = "t_union"
		}
		return map[string]any{member: map[string]any{"name": name(t.Struct.File, t.Struct.Name)}}
	case schema.KindList:
		return map[string]any{"t_list": map[string]any{"valueType": typeOf(t.Elem)}}
	case schema.KindSet:
		return map[string]any{"t_set": map[string]any{"valueType": typeOf(t.Elem)}}
	case schema.KindMap:
		return map[string]any{"t_map": map[string]any{"keyType": typeOf(t.Key), "valueType": typeOf(t.Elem)}}
	}
	return map[string]any{"t_primitive": "THRIFT_" + primitives[t.Kind] + "_TYPE"}
}
