"""The policy's JSON Schema, which lets an editor complete and check `config/policy.yml`."""

from __future__ import annotations

import json

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from core.settings import Policy


def policy_schema() -> str:
    """Give the JSON Schema of a policy file as pretty JSON, keys sorted: the bytes of `config/policy.schema.json`."""
    schema = Policy.model_json_schema(mode="validation", schema_generator=_YamlSchema)
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


class _YamlSchema(GenerateJsonSchema):
    """The schema of what a person writes: decimals are bare numbers, never text."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Give a number with its bounds."""
        words = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
        bounds = {words[key]: bound for key, bound in schema.items() if key in words and isinstance(bound, int)}
        return {"type": "number", **bounds}
