"""GGUF tensors that cannot be, TorchScript's code, Paddle's programs: what their readers would do."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Severity, Skip, SkipReason
from tests.scanners.support import findings, member, rules
from tests.scanners.test_models import PLAIN, SCANNER, entry, field, gguf, reasons, string


def tensor(
    extents: tuple[int, ...] = (4, 2), offset: int = 0, name: bytes = b"w", dimensions: int | None = None
) -> bytes:
    count = len(extents) if dimensions is None else dimensions
    return string(name) + struct.pack(f"<I{len(extents)}QIQ", count, *extents, 0, offset)


def model(*tensors: bytes, entries: tuple[bytes, ...] = tuple(PLAIN)) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    return head + b"".join(entries) + b"".join(tensors) + bytes(64)


def test_tensors_that_may_be_are_clean() -> None:
    honest = (tensor(), tensor((), 32), tensor((1, 2, 3, 4), 64, b"x" * 60), tensor((2**31,), 0), tensor((0,), 0))
    for count in range(len(honest) + 1):
        assert list(SCANNER.scan(member(model(*honest[:count]), "m.gguf"))) == []


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (tensor((2**62, 4)), "more elements than can be counted"),
        (tensor((2**64 - 1,)), "more elements than can be counted"),
        (tensor((2**32, 2**32, 2**32, 2**32)), "more elements than can be counted"),
        (tensor(offset=2**63), "beyond the end of the file"),
        (tensor(offset=10_000), "beyond the end of the file"),
    ],
)
def test_a_tensor_that_cannot_be_is_a_finding(lie: bytes, said: str) -> None:
    for tensors in ((lie,), (tensor(), lie), (lie, lie)):
        [found] = findings(SCANNER, member(model(*tensors), "m.bin"))
        assert (found.rule, found.severity, said in found.message) == ("gguf-header", Severity.HIGH, True)


def test_each_tensor_that_cannot_be_is_named() -> None:
    found = findings(
        SCANNER, member(model(tensor(offset=2**60, name=b"a\x1b[2J"), tensor(offset=2**60, name=b"b")), "m")
    )
    assert [hit.message.split("'")[1] for hit in found] == ["a?[2J", "b"]


@pytest.mark.parametrize("dimensions", [5, 64, 2**32 - 1])
def test_a_tensor_of_more_dimensions_than_there_are_is_a_skip(dimensions: int) -> None:
    assert reasons(model(tensor((1,) * 5, dimensions=dimensions)), "m.gguf") == [SkipReason.CORRUPT]


@pytest.mark.parametrize("value", [0, 3, 48, 2**32 - 1])
def test_an_alignment_that_is_no_power_of_two_is_a_finding(value: int) -> None:
    entries = (entry(b"general.alignment", 4, struct.pack("<I", value)),)
    assert rules(SCANNER, member(model(tensor(), entries=entries), "m.gguf")) == {"gguf-header"}


@pytest.mark.parametrize("value", [1, 32, 64, 4096])
def test_an_alignment_that_is_one_is_clean(value: int) -> None:
    entries = (entry(b"general.alignment", 4, struct.pack("<I", value)),)
    assert rules(SCANNER, member(model(tensor(), entries=entries), "m.gguf")) == set()


@given(st.binary(max_size=200), st.integers(0, 5))
def test_any_tensors_end_in_facts(data: bytes, count: int) -> None:
    head = b"GGUF" + struct.pack("<IQQ", 3, count, 0)
    assert all(isinstance(fact, Finding | Skip) for fact in SCANNER.scan(member(head + data, "m.gguf")))


def test_a_template_before_tensors_that_lie_is_found_too() -> None:
    held = entry(b"tokenizer.chat_template", 8, string(b"{{ x.__class__ }}"))
    assert rules(SCANNER, member(model(tensor(offset=2**60), entries=(held,)), "m")) == {
        "template-runs-code",
        "gguf-header",
    }
    assert rules(SCANNER, member(gguf(held), "m")) == {"template-runs-code"}


CODE = """class Net(Module):
  __parameters__ = ["weight", ]
  def forward(self: __torch__.Net, x: Tensor) -> Tensor:
    _0 = torch.add(x, 1)
{}
    return _0
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('    _1 = torch.from_file("/etc/passwd", True, 100)', True),
        ('    torch.save(x, "/root/.bashrc")', True),
        ("    _1 = ops.aten.from_file(a)", True),
        ("    _1 = torch.matmul(x, x)", False),
        ("    saved = self.save(x)", False),
        ("    _1 = torch.from_files(x)", False),
    ],
)
def test_torchscript_that_touches_files_is_a_finding(line: str, *, found: bool) -> None:
    data = CODE.format(line).encode()
    for name in ("archive/code/__torch__.py", "net/code/__torch__/nets/___torch_mangle_1.py"):
        assert (rules(SCANNER, member(data, name, container="zip")) == {"torchscript-file"}) is found
    assert not SCANNER.wants(member(data, "code/torch.py"))


def test_torchscript_too_large_to_read_is_a_skip() -> None:
    assert reasons(b"#" * ((32 << 20) + 1), "archive/code/__torch__.py") == [SkipReason.LIMIT]


def program(*operations: str) -> bytes:
    made = (field(1, field(1, b"X") + field(2, b"in")) + field(3, name.encode()) for name in operations)
    return field(1, b"\x08\x00\x10\x00" + b"".join(field(4, operation) for operation in made)) + field(4, b"\x08\x00")


@pytest.mark.parametrize(
    ("operation", "severity"),
    [
        ("py_func", Severity.CRITICAL),
        *((name, Severity.HIGH) for name in ("save", "save_combine", "load", "load_combine")),
    ],
)
def test_a_paddle_program_that_calls_python_or_touches_files_is_a_finding(operation: str, severity: Severity) -> None:
    for operations in ((operation,), ("feed", "conv2d", operation, "fetch")):
        [found] = findings(SCANNER, member(program(*operations), "inference.pdmodel"))
        assert (found.rule, found.severity) == ("paddle-operation", severity)
    blocks = program("relu") + program(operation)
    assert rules(SCANNER, member(blocks, "m.pdmodel")) == {"paddle-operation"}


def test_a_paddle_program_that_computes_is_clean() -> None:
    assert list(SCANNER.scan(member(program("feed", "conv2d", "relu", "saved", "fetch"), "m.pdmodel"))) == []


@pytest.mark.parametrize("data", [b"\x0a\xff", b"\xff" * 20, program("relu")[:-1]])
def test_what_is_no_paddle_program_is_a_skip(data: bytes) -> None:
    assert reasons(data, "m.pdmodel") == [SkipReason.CORRUPT]
