"""Validates documents and instances with openapi-spec-validator and jsonschema.

Standard input has an object with "documents", each with its "name", "kind" (openapi or jsonschema) and "document", and "instances", each
with the index of a document, the JSON Pointer of a schema in it, and the "instance"; "name" says where it is from. Each mistake is a line
of standard output, NAME: TEXT; the last line says how many of both were valid.
"""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012


def main():
    given = json.load(sys.stdin)
    documents = given["documents"]
    registry = Registry().with_resources(
        (f"urn:document:{i}", DRAFT202012.create_resource(d["document"])) for i, d in enumerate(documents)
    )
    validators = {}

    def errors(document, pointer, instance):
        key = document, pointer
        if key not in validators:
            validators[key] = Draft202012Validator(
                {"$ref": f"urn:document:{document}#{pointer}"}, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
            )
        return validators[key].iter_errors(instance)

    def defaults(i, value, pointer, names=False):
        """Yields what is wrong with the defaults in a document. names says that the keys of value are names, not keywords."""
        if isinstance(value, list):
            for n, v in enumerate(value):
                yield from defaults(i, v, f"{pointer}/{n}")
        elif isinstance(value, dict):
            if not names and "default" in value:
                yield from errors(i, pointer, value["default"])
            for name, v in value.items():
                if names or name not in ("default", "enum", "const"):
                    inner = not names and name in ("properties", "responses", "headers", "content", "schemas", "$defs")
                    yield from defaults(i, v, pointer + "/" + name.replace("~", "~0").replace("/", "~1"), inner)

    valid = 0

    def report(name, found):
        nonlocal valid
        found = [f"{name}: {'/'.join(map(str, e.absolute_path))}: {e.message}" for e in found]
        for line in found:
            print(line[:600].replace("\n", " "))
        valid += not found

    for i, d in enumerate(documents):
        if d["kind"] == "openapi":
            report(d["name"], [*OpenAPIV31SpecValidator(d["document"]).iter_errors(), *defaults(i, d["document"], "")])
        else:
            meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
            report(d["name"], [*meta.iter_errors(d["document"]), *defaults(i, d["document"], "")])
    for x in given["instances"]:
        report(x["name"], errors(x["document"], x["pointer"], x["instance"]))
    print(f"valid: {valid}")


main()
