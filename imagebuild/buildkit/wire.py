"""Protobuf messages declared as typed Python classes; their descriptors are built at import.

Generated code binds to the major version of the runtime that made it; descriptors built here work
with each version, have no build step, and the declaration is what the type checker sees:

    class Pair(Message):
        name: Annotated[str, 1] = ""
        values: Annotated[Sequence[bytes], 2] = ()

Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform

    @dataclass_transform(kw_only_default=True)
    class Message:
        """The part of a protobuf message's interface that is used here."""

        def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
            """The message's bytes."""

        def HasField(self, field_name: str) -> bool:  # noqa: N802 - protobuf's name
            """Whether a field that is a message was set."""

        @classmethod
        def FromString(cls, data: bytes) -> Self:  # noqa: N802 - protobuf's name
            """The message in `data`; raises `google.protobuf.message.DecodeError`."""

else:

    class Message:
        """Base of the declarations; `message` turns them into protobuf's own classes."""


_Class = TypeVar("_Class", bound=type[Message])
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    str: _Field.TYPE_STRING,
    bytes: _Field.TYPE_BYTES,
    bool: _Field.TYPE_BOOL,
    # A varint is the same for (u)int32, (u)int64 and enums, as long as it is below 2^63.
    int: _Field.TYPE_INT64,
}
_POOL = descriptor_pool.DescriptorPool()


def message(declared: _Class) -> _Class:
    """Replace a declaration by the protobuf message class that it describes.

    Raises TypeError for a field that is neither a scalar, a message nor a sequence of these.
    """
    package = "imagebuild.buildkit"
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.{declared.__name__}.proto", package=package, syntax="proto3"
    )
    body = file.message_type.add(name=declared.__name__)
    for name, annotated in get_type_hints(declared, include_extras=True).items():
        kind, number = get_args(annotated)
        repeated = get_origin(kind) is Sequence
        field = body.field.add(
            name=name,
            number=number,
            label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        )
        _set_type(file, field, get_args(kind)[0] if repeated else kind)
    _POOL.Add(file)
    made: Any = message_factory.GetMessageClass(
        _POOL.FindMessageTypeByName(f"{package}.{declared.__name__}")
    )
    return made  # type: ignore[no-any-return] # protobuf makes the class at run time


def _set_type(
    file: descriptor_pb2.FileDescriptorProto, field: descriptor_pb2.FieldDescriptorProto, kind: Any
) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    other = getattr(kind, "DESCRIPTOR", None)
    if other is None:
        text = f"a field cannot have the type {kind!r}"
        raise TypeError(text)
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f".{other.full_name}"
    if other.file.name not in file.dependency:
        file.dependency.append(other.file.name)
