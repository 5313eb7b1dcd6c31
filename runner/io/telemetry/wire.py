"""What is told, as the protocol has it: the official messages, made directly, since a span of the
library costs ten times as much.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from runner.io.telemetry.attributes import AttributeValue

_SHORT = 100  # characters of a text that may come again


def pairs(about: Mapping[str, AttributeValue]) -> list[KeyValue]:
    """Attributes, each in its type."""
    return [
        _known(key, value)
        if not isinstance(value, str | list) or (isinstance(value, str) and len(value) < _SHORT)
        else KeyValue(key=key, value=_value(value))
        for key, value in about.items()
    ]


@lru_cache(maxsize=4_096, typed=True)
def _known(key: str, value: str | bool | int | float) -> KeyValue:
    return KeyValue(key=key, value=_value(value))


def _value(value: AttributeValue) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=value)
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=_texts(value)))


def _texts(values: Iterable[str]) -> list[AnyValue]:
    return [AnyValue(string_value=one) for one in values]
