"""Models as they are shipped: archives and folders of files, through the whole inspection."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from customhouse.inspect import Limits, inspect
from customhouse.model import Severity
from customhouse.scanners import models
from tests.scanners.test_models import (
    BAD_TEMPLATES,
    DENSE,
    LAMBDA,
    entry,
    gguf,
    keras,
    onnx,
    safetensors,
    saved_model,
    string,
)

Files = dict[str, bytes]


def zipped(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue())


def found(name: str, data: bytes) -> tuple[set[str], bool, Severity | None]:
    """The rules that hit, whether all was seen, and how bad the worst of it is."""
    inspection = inspect(name, iter([data]), [models.build({})], Limits())
    worst = max((finding.severity for finding in inspection.findings), key=lambda level: level.rank, default=None)
    return {finding.rule for finding in inspection.findings}, inspection.coverage.complete, worst


HONEST: Files = {
    "config.json": json.dumps({"architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16"}).encode(),
    "generation_config.json": json.dumps({"max_new_tokens": 20}).encode(),
    "tokenizer_config.json": json.dumps(
        {"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}
    ).encode(),
    "model.safetensors": safetensors({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}),
    "model.safetensors.index.json": json.dumps({"weight_map": {"a": "model.safetensors"}}).encode(),
    "README.md": b"---\nlicense: mit\n---\n# Model\n",
}
HOSTILE: dict[str, tuple[Files, str, Severity]] = {
    "a template": (
        {"tokenizer_config.json": json.dumps({"chat_template": BAD_TEMPLATES[0]}).encode()},
        "template-runs-code",
        Severity.CRITICAL,
    ),
    "a template of its own": (
        {"chat_template.jinja": BAD_TEMPLATES[1].encode()},
        "template-runs-code",
        Severity.CRITICAL,
    ),
    "a shard elsewhere": (
        {"model.safetensors.index.json": json.dumps({"weight_map": {"a": "/etc/passwd"}}).encode()},
        "index-external-path",
        Severity.HIGH,
    ),
    "code of another repository": (
        {"config.json": json.dumps({"auto_map": {"AutoModel": "a/b--c.D"}}).encode()},
        "remote-code",
        Severity.MEDIUM,
    ),
    "a header that lies": ({"model.safetensors": safetensors({})}, "safetensors-header", Severity.HIGH),
    "a graph": ({"tf/saved_model.pb": saved_model("MatMul", "PyFunc")}, "tensorflow-operation", Severity.CRITICAL),
    "a tensor elsewhere": ({"onnx/model.onnx": onnx("../../x")}, "onnx-external-path", Severity.HIGH),
    "a target": ({"conf/config.yaml": b"a:\n  _target_: os.system\n"}, "config-target", Severity.CRITICAL),
    "a GGUF file": (
        {"q4.gguf": gguf(entry(b"tokenizer.chat_template", 8, string(BAD_TEMPLATES[2].encode())))},
        "template-runs-code",
        Severity.CRITICAL,
    ),
}
WRAPS: dict[str, Callable[[Files], bytes]] = {
    "model.zip": zipped,
    "model.tar.gz": tarred,
    "delivery.zip": lambda files: zipped({"inner/model.tar.gz": tarred(files)}),
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_repository_of_an_honest_model_is_clean_and_seen_whole(wrap: str) -> None:
    assert found(wrap, WRAPS[wrap](HONEST)) == (set(), True, None)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_one_hostile_file_in_an_honest_repository_is_found(hostile: str, wrap: str) -> None:
    files, rule, severity = HOSTILE[hostile]
    assert found(wrap, WRAPS[wrap](HONEST | files)) == ({rule}, True, severity)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_keras_archive_is_judged_by_its_configuration(compression: int) -> None:
    def archive(*layers: object) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression) as file:
            file.writestr("metadata.json", json.dumps({"keras_version": "3.9.0"}))
            file.writestr("config.json", keras(*layers))
            file.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(2000))
        return out.getvalue()

    assert found("model.keras", archive(DENSE)) == (set(), True, None)
    assert found("model.keras", archive(DENSE, LAMBDA)) == ({"keras-lambda"}, True, Severity.CRITICAL)


def test_a_torch_package_and_a_torchscript_archive_are_told_apart() -> None:
    script = {"net/code/__torch__.py": b"def f(x: Tensor) -> Tensor:\n  return torch.neg(x)\n", "net/version": b"3\n"}
    package = {"net/.data/extern_modules": b"sys\n", "net/main.py": b"x = 1\n", "net/.data/version": b"6\n"}
    assert found("net.pt", zipped(script)) == (set(), True, None)
    assert found("net.pt", zipped(package)) == ({"torch-package"}, True, Severity.HIGH)
    script["net/code/__torch__.py"] += b"  torch.save(x, '/root/.bashrc')\n"
    assert found("net.pt", zipped(script)) == ({"torchscript-file"}, True, Severity.HIGH)


def test_a_model_that_cannot_be_read_leaves_the_artifact_unseen() -> None:
    for files in ({"model.safetensors": b"short"}, {"tf/saved_model.cpb": b"x"}, {"model.onnx": b"\x3a\xff"}):
        assert found("model.zip", zipped(HONEST | files)) == (set(), False, None)
