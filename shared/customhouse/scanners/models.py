"""Models other than pickles: code in Keras, TensorFlow and chat templates, lies in headers, paths that lead out."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, Literal

from customhouse.model import Fact, Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.models_claims import Claim, TooLarge, Unreadable, is_hdf5
from customhouse.scanners.models_keras import config, embedded
from customhouse.scanners.models_protobuf import as_text, onnx, tensorflow
from customhouse.scanners.models_safetensors import claims as safetensors
from customhouse.scanners.models_templates import gguf, template, texts
from customhouse.scanners.options import Options, read

_TEMPLATE = 16 << 20
_CLAIMS = 1000
_PACKAGE = Claim("torch-package", Severity.HIGH, "torch.package: Python modules in the archive run when it is loaded")

Judge = Callable[[BinaryIO, int], Iterable[Claim]]


def build(options: Mapping[str, object]) -> ModelScanner:
    """The scanner; it has no options."""
    read("models", options, Options)
    return ModelScanner()


class ModelScanner:
    """The format decides, by content where it has a magic number, else by name."""

    name = "models"
    version = "2"
    reads: Literal["windows", "stream"] = "stream"

    def wants(self, member: Member) -> bool:
        """Files of a format that is known here."""
        return _judge(member) is not None

    def scan(self, member: Member) -> Iterable[Fact]:
        """A finding per claim, each once; a skip where the file cannot be read as what it is, or claims without end."""
        judge = _judge(member)
        if judge is None:
            return
        file = member.stream or io.BytesIO(member.data)
        file.seek(0)
        try:
            for claim in _distinct(judge(file, member.size)):
                yield Finding(self.name, claim.rule, claim.severity, member.path, claim.message)
        except Unreadable as error:
            yield Skip(member.path, SkipReason.CORRUPT, f"model {error}")
        except TooLarge as error:
            yield Skip(member.path, SkipReason.LIMIT, f"{error} is larger than is read")


def _distinct(claims: Iterable[Claim]) -> Iterator[Claim]:
    """Each once; TooLarge where they do not end."""
    seen: set[Claim] = set()
    for claim in claims:
        if claim not in seen:
            if len(seen) == _CLAIMS:
                raise TooLarge("the list of what is wrong")
            seen.add(claim)
            yield claim


def _judge(member: Member) -> Judge | None:
    """What reads this format."""
    name = member.name.lower()
    head = member.data[:16]
    if name.endswith(".safetensors") or member.kind == "safetensors" or _like_safetensors(head, member.size):
        return safetensors
    if head.startswith(b"GGUF"):
        return gguf
    if is_hdf5(member.data):
        return lambda file, _size: embedded(file)
    if name.endswith(".onnx") or member.kind == "onnx":
        return onnx
    if name.endswith((".pb", ".meta")):
        return functools.partial(_graph, sure=name.endswith("saved_model.pb"))
    return _by_name(name)


def _graph(file: BinaryIO, size: int, *, sure: bool) -> Iterator[Claim]:
    """TensorFlow's graph, the Keras model that may be in its metadata, and ONNX under the name of old."""
    yield from tensorflow(file, size, sure=sure)
    file.seek(0)
    yield from embedded(file)
    if not sure:
        with contextlib.suppress(Unreadable):
            yield from onnx(file, size)


def _by_name(name: str) -> Judge | None:
    """Text formats have no magic number."""
    base = name.rpartition("/")[2]
    if base in {"tokenizer_config.json", "chat_template.json", "processor_config.json"} or base.endswith(
        (".jinja", ".jinja2")
    ):
        return lambda file, _size: _template(file, base)
    if base.endswith((".pbtxt", ".pb.txt")):
        return lambda file, _size: as_text(file)
    if base == "extern_modules" and name.endswith("/.data/extern_modules"):
        return lambda _file, _size: [_PACKAGE]
    if base in {"config.json", "model_config.json"} or base.endswith(".keras.json"):
        return lambda file, _size: config(file)
    return None


def _template(file: BinaryIO, base: str) -> Iterator[Claim]:
    """A template as it is, or the texts of a JSON document without its escapes."""
    data = file.read(_TEMPLATE + 1)
    if len(data) > _TEMPLATE:
        raise TooLarge("a chat template")
    if base.endswith(".json"):
        data = b"\n".join(texts(data))
    return template(data, base)


def _like_safetensors(head: bytes, size: int) -> bool:
    """A length that fits the file, then an object whose first name is quoted."""
    return head[8:10] == b'{"' and len(head) <= int.from_bytes(head[:8], "little") <= size - 8
