"""Models other than pickles: code in Keras, TensorFlow and chat templates, lies in headers, paths that lead out."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Literal, NoReturn

from customhouse.model import Fact, Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.models_claims import Claim, TooLarge, Unreadable, Unsupported, is_hdf5
from customhouse.scanners.models_huggingface import remote_code, shards, targets
from customhouse.scanners.models_jinja import template
from customhouse.scanners.models_keras import config, embedded
from customhouse.scanners.models_onnx import like_onnx, onnx
from customhouse.scanners.models_programs import paddle, torchscript
from customhouse.scanners.models_safetensors import claims as safetensors
from customhouse.scanners.models_templates import gguf, texts
from customhouse.scanners.models_tensorflow import as_text, lite, tensorflow
from customhouse.scanners.options import Options, read

_TEMPLATE = 16 << 20
_CLAIMS = 1000
_SHORT = 64
_HDF5 = (".h5", ".hdf5")
_TEMPLATES = {"tokenizer_config.json", "chat_template.json", "processor_config.json"}
_KERAS = {"config.json", "model_config.json", "model.json", "architecture.json"}
_PACKAGE = Claim("torch-package", Severity.HIGH, "torch.package: Python modules in the archive run when it is loaded")

Judge = Callable[[BinaryIO, int], Iterable[Claim]]


def _pieces(_file: BinaryIO, _size: int) -> NoReturn:
    """TensorFlow prefers this to saved_model.pb where both are there (tensorflow/cc/saved_model/reader.cc)."""
    raise Unsupported("is a graph in pieces")


def _alone(judge: Callable[[BinaryIO], Iterable[Claim]]) -> Judge:
    """One that does not ask for the size."""
    return lambda file, _size: judge(file)


_ENDINGS: Sequence[tuple[tuple[str, ...], Judge]] = (
    ((".pbtxt", ".pb.txt"), _alone(as_text)),
    ((".cpb",), _pieces),
    ((".pdmodel",), paddle),
    ((".keras.json",), _alone(config)),
    (("config.json",), _alone(remote_code)),
    (("config.json", "config.yaml", "config.yml", "hparams.yaml", "hparams.yml"), _alone(targets)),
    ((".index.json",), _alone(shards)),
)


def build(options: Mapping[str, object]) -> ModelScanner:
    """The scanner; it has no options."""
    read("models", options, Options)
    return ModelScanner()


class ModelScanner:
    """The format decides, by content where it has a magic number, else by name."""

    name = "models"
    version = "3"
    reads: Literal["windows", "stream"] = "stream"

    def wants(self, member: Member) -> bool:
        """Files of a format that is known here."""
        return any(True for _ in _judges(member))

    def scan(self, member: Member) -> Iterable[Fact]:
        """A finding per claim, each once; a skip where the file cannot be read as what it is, or claims without end."""
        file = member.stream or io.BytesIO(member.data)
        for judge in _judges(member):
            yield from self._judged(member, file, judge)

    def _judged(self, member: Member, file: BinaryIO, judge: Judge) -> Iterator[Fact]:
        file.seek(0)
        try:
            for claim in _distinct(judge(file, member.size)):
                yield Finding(self.name, claim.rule, claim.severity, member.path, claim.message)
        except Unreadable as error:
            yield Skip(member.path, SkipReason.CORRUPT, f"model {error}")
        except Unsupported as error:
            yield Skip(member.path, SkipReason.UNSUPPORTED, f"model {error}")
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


def _judges(member: Member) -> Iterator[Judge]:
    """What reads these bytes, and what reads a file of this name: who loads it may go by either."""
    name = member.name.lower()
    yield from _by_name(name)
    head = member.data[:16]
    if name.endswith(".safetensors") or member.kind == "safetensors" or _like_safetensors(head, member.size):
        yield safetensors
    if head.startswith(b"GGUF"):
        yield gguf
    if is_hdf5(member.data) or name.endswith(_HDF5):
        yield _alone(embedded)
    if head[4:8] == b"TFL3" or name.endswith(".tflite"):
        yield _alone(lite)
    if name.endswith(".onnx"):
        yield onnx
    elif name.endswith((".pb", ".meta")):
        yield functools.partial(_graph, sure=name.endswith("saved_model.pb"))
    elif member.size > _SHORT and like_onnx(head):
        yield _perhaps


def _perhaps(file: BinaryIO, size: int) -> Iterator[Claim]:
    """ONNX under another name, if it is."""
    with contextlib.suppress(Unreadable):
        yield from onnx(file, size)


def _graph(file: BinaryIO, size: int, *, sure: bool) -> Iterator[Claim]:
    """TensorFlow's graph, the Keras model that may be in its metadata, and ONNX under the name of old."""
    yield from tensorflow(file, size, sure=sure)
    file.seek(0)
    yield from embedded(file)
    if not sure:
        with contextlib.suppress(Unreadable):
            yield from onnx(file, size)


def _by_name(name: str) -> Iterator[Judge]:
    """Text formats have no magic number."""
    base = name.rpartition("/")[2]
    if base in _TEMPLATES or base.endswith((".jinja", ".jinja2")):
        yield lambda file, _size: _template(file, base)
    for endings, judge in _ENDINGS:
        if base.endswith(endings):
            yield judge
    if base in _KERAS:
        yield _alone(config)
    if base == "extern_modules" and name.endswith("/.data/extern_modules"):
        yield lambda _file, _size: [_PACKAGE]
    if "code/__torch__" in name and base.endswith(".py"):
        yield _alone(torchscript)


def _template(file: BinaryIO, base: str) -> Iterator[Claim]:
    """A template as it is, or the texts of a JSON document without its escapes."""
    data = file.read(_TEMPLATE + 1)
    if len(data) > _TEMPLATE:
        raise TooLarge("a chat template")
    for text in texts(data) if base.endswith(".json") else [data]:
        yield from template(text, base)


def _like_safetensors(head: bytes, size: int) -> bool:
    """A length that fits the file, then an object whose first name is quoted."""
    return head[8:10] == b'{"' and len(head) <= int.from_bytes(head[:8], "little") <= size - 8
