"""The messages, byte by byte, and how they are declared."""

from collections.abc import Sequence
from typing import Annotated

import pytest

from imagebuild.buildkit.messages import (
    CredentialsResponse,
    Packet,
    Stat,
    StatusResponse,
    Timestamp,
    VertexMessage,
)
from imagebuild.buildkit.wire import Message, message


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (Packet(), b""),
        (Packet(type=1, id=300), b"\x08\x01\x18\xac\x02"),
        (Packet(type=2, id=1, data=b"xyz"), b"\x08\x02\x18\x01\x22\x03xyz"),
        (Packet(stat=Stat()), b"\x12\x00"),
        # Go has mode as uint32: 1<<31 is five bytes, and not ten as a negative int32 would be.
        (Stat(path="d", mode=1 << 31 | 0o755), b"\x0a\x01d\x10\xed\x83\x80\x80\x08"),
        (Stat(mod_time=10**18), b"\x30\x80\x80\x90\xbb\xba\xd6\xad\xf0\x0d"),
        (CredentialsResponse(username="u", secret="s"), b"\x0a\x01u\x12\x01s"),
    ],
)
def test_messages_have_the_protocols_bytes(value: Message, data: bytes) -> None:
    """As `protoc --decode` of the projects' own files has them."""
    assert value.SerializeToString() == data
    assert type(value).FromString(data) == value


def test_nested_and_repeated_messages_come_back() -> None:
    """And whether a message was set can be told."""
    vertex = VertexMessage(digest="d", inputs=["a", "b"], started=Timestamp(seconds=1, nanos=2))
    [back] = StatusResponse.FromString(
        StatusResponse(vertexes=[vertex]).SerializeToString()
    ).vertexes
    assert list(back.inputs) == ["a", "b"]
    assert (back.HasField("started"), back.HasField("completed")) == (True, False)


def test_unknown_fields_are_skipped() -> None:
    """A newer engine may say more."""
    assert Packet.FromString(b"\x08\x01\xfa\x07\x02hi").type == 1


def test_a_field_of_another_type_is_refused() -> None:
    """At import, and by name."""
    with pytest.raises(TypeError, match="float"):

        @message
        class Wrong(Message):
            values: Annotated[Sequence[float], 1] = ()
