"""Writes values with one schema and reads them with another, as programs before and after a change of the IDL do.

    breaking.py thriftpy2 DIR   loads the .thrift files in DIR
    breaking.py apache DIR      imports what Apache's compiler generated in DIR

Each line of standard input is JSON: "from" and "to" name files, without .thrift; "at" is a struct, Service.method for its reply, or
Service.method() for its arguments; "value" has the fields to write; "protocol" is binary, compact or json. For each line one is printed:
what the reader sees, as JSON, or "error".
"""

import importlib
import json
import os
import sys

library, folder = sys.argv[1:]


class Apache:
    """Apache Thrift's library and generated code, without the accelerator."""

    def __init__(self):
        from thrift.protocol import TBinaryProtocol, TCompactProtocol, TJSONProtocol
        from thrift.Thrift import TType
        from thrift.transport.TTransport import TMemoryBuffer

        sys.path.insert(0, folder)
        self.types, self.buffer = TType, TMemoryBuffer
        self.protocols = {
            "binary": TBinaryProtocol.TBinaryProtocol,
            "compact": TCompactProtocol.TCompactProtocol,
            "json": TJSONProtocol.TJSONProtocol,
        }

    def find(self, file, at):
        service, _, method = at.partition(".")
        if not method:
            return getattr(importlib.import_module(file + ".ttypes"), at)
        module = importlib.import_module(file + "." + service)
        return getattr(module, method[:-2] + "_args" if method.endswith("()") else method + "_result")

    def fields(self, cls):
        """Yields the name, the type and the type's arguments of each field."""
        for spec in cls.thrift_spec:
            if spec is not None:
                yield spec[2], spec[1], spec[3]

    def class_of(self, args):
        return args[0]

    def element(self, args):
        return args[0], args[1]

    def pair(self, args):
        return (args[0], args[1]), (args[2], args[3])

    def write(self, value, protocol):
        buffer = self.buffer()
        value.write(self.protocols[protocol](buffer))
        return buffer.getvalue()

    def read(self, cls, data, protocol):
        value = cls()
        # Of an exception, which does not change, it returns another.
        return value.read(self.protocols[protocol](self.buffer(data))) or value


class Thriftpy2:
    """thriftpy2, its protocols in Python."""

    def __init__(self):
        import thriftpy2
        from thriftpy2.protocol import TBinaryProtocol, TCompactProtocol, TJSONProtocol
        from thriftpy2.thrift import TType
        from thriftpy2.transport import TMemoryBuffer

        self.load = thriftpy2.load
        self.types, self.buffer = TType, TMemoryBuffer
        self.protocols = {"binary": TBinaryProtocol, "compact": TCompactProtocol, "json": TJSONProtocol}
        self.files = {}

    def find(self, file, at):
        if file not in self.files:
            self.files[file] = self.load(os.path.join(folder, file + ".thrift"), module_name=file + "_thrift")
        service, _, method = at.partition(".")
        if not method:
            return getattr(self.files[file], at)
        return getattr(getattr(self.files[file], service), method[:-2] + "_args" if method.endswith("()") else method + "_result")

    def fields(self, cls):
        for spec in cls.thrift_spec.values():
            yield spec[1], spec[0], spec[2] if len(spec) == 4 else None

    def class_of(self, args):
        return args

    def element(self, args):
        return args if isinstance(args, tuple) else (args, None)

    def pair(self, args):
        return tuple(a if isinstance(a, tuple) else (a, None) for a in args)

    def write(self, value, protocol):
        buffer = self.buffer()
        p = self.protocols[protocol](buffer)
        p.write_struct(value)
        return buffer.getvalue()

    def read(self, cls, data, protocol):
        value = cls()
        self.protocols[protocol](self.buffer(data)).read_struct(value)
        return value


lib = Apache() if library == "apache" else Thriftpy2()
T = lib.types


def build(cls, value):
    """Makes a struct of JSON."""
    return cls(**{name: convert(t, args, value[name]) for name, t, args in lib.fields(cls) if name in value})


def convert(t, args, v):
    if t == T.STRUCT:
        return build(lib.class_of(args), v)
    if t == T.LIST:
        return [convert(*lib.element(args), e) for e in v]
    if t == T.SET:
        return {convert(*lib.element(args), e) for e in v}
    if t == T.MAP:
        key, value = lib.pair(args)
        return {convert(*key, k): convert(*value, e) for k, e in v.items()}
    return v


def plain(v):
    """The inverse of build, without fields that are not set."""
    if isinstance(v, dict):
        return {str(plain(k)): plain(e) for k, e in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(e) for e in v]
    if isinstance(v, (set, frozenset)):
        return sorted(plain(e) for e in v)
    if isinstance(v, bytes):
        return v.decode("latin-1")
    if hasattr(v, "thrift_spec"):
        return {name: plain(getattr(v, name)) for name, _, _ in lib.fields(type(v)) if getattr(v, name) is not None}
    return v


for line in sys.stdin:
    case = json.loads(line)
    try:
        value = build(lib.find(case["from"], case["at"]), case["value"])
        data = lib.write(value, case["protocol"])
    except Exception as err:
        print(f"not written: {type(err).__name__}: {err}")
        continue
    try:
        got = lib.read(lib.find(case["to"], case["at"]), data, case["protocol"])
        print(json.dumps(plain(got), separators=(",", ":"), ensure_ascii=False))
    except Exception:
        print("error")
