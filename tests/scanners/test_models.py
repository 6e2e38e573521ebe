from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.model import Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member, models
from tests.scanners.support import member, rules

SCANNER = models.build({})
CODE = "4wEAAAAAAAAAAAAAAAEAAAABAAAAEwAAAHMEAAAAfABTAA=="


def reasons(data: bytes, name: str) -> list[SkipReason]:
    return [fact.reason for fact in SCANNER.scan(member(data, name)) if isinstance(fact, Skip)]


def said(data: bytes, name: str) -> str:
    return " | ".join(fact.message for fact in SCANNER.scan(member(data, name)) if isinstance(fact, Finding))


def safetensors(header: object, body: bytes = bytes(16)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def tensor(begin: int, end: int, shape: tuple[int, ...] = (2,), dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


HONEST = {"__metadata__": {"format": "pt"}, "a": tensor(0, 8), "b": tensor(8, 16, (4,), "BF16")}


def test_an_honest_safetensors_file_is_clean() -> None:
    for name in ("model.safetensors", "weights"):
        assert rules(SCANNER, member(safetensors(HONEST), name)) == set()


@pytest.mark.parametrize(
    ("header", "lie"),
    [
        ({"a": tensor(0, 8)}, "beyond the last tensor"),
        ({"a": tensor(0, 8), "b": tensor(4, 12)}, "overlap"),
        ({"a": tensor(0, 4, (1,)), "b": tensor(8, 16)}, "hole"),
        ({"a": tensor(0, 16, (2,))}, "another number of bytes"),
        ({"a": tensor(0, 16, (2, 2), "F99")}, "unknown type"),
        ({"a": tensor(0, 16, (-2, -2))}, "impossible shape"),
        ({"a": tensor(0, 32, (8,))}, "beyond the end"),
        ({"a": tensor(-8, 0), "b": tensor(0, 16, (4,))}, "overlap"),
        ({"a": tensor(16, 0, (4,))}, "another number of bytes"),
        ({"a": tensor(0, 16, (4,)), "z": tensor(4, 4, (0,))}, "overlap"),
        ({"a": tensor(0, 4, (True,)), "b": tensor(4, 16, (3,))}, "impossible shape"),
        ({"a": tensor(0, 16, (2**62,) * 200_000)}, "another number of bytes"),
        ({"a": tensor(0, 16, (2**62,) * 9 + (0,))}, "another number of bytes"),
        ({"a": tensor(0, 16, (4,)) | {"dtype": ["F32"]}}, "unknown type"),
        ({}, "beyond the last tensor"),
        ({"a\x1b[2J": tensor(0, 4, (8,))}, "a?[2J"),
    ],
)
def test_a_safetensors_header_that_lies_is_a_finding(header: dict[str, object], lie: str) -> None:
    assert lie in said(safetensors(header), "model.safetensors")


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ({"a": tensor(0, 4, ())}, 4),
        ({"a": tensor(0, 16, (4,)), "z": tensor(16, 16, (0, 2**40))}, 16),
        ({"z": tensor(0, 0, (0,)), "a": tensor(0, 16, (4, 1, 1))}, 16),
        ({"a": tensor(0, 6, (3, 4), "F4")}, 6),
        (json.dumps(HONEST).encode() + b"     ", 16),
        ({"__metadata__": {}}, 0),
    ],
)
def test_an_unusual_safetensors_header_is_no_lie(header: object, size: int) -> None:
    assert list(SCANNER.scan(member(safetensors(header, bytes(size)), "model.safetensors"))) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        safetensors(json.dumps(HONEST).encode("utf-16")),
        safetensors(b'\xef\xbb\xbf{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}'),
        safetensors(HONEST | {"__metadata__": {"format": {"pt": 1}}}),
        safetensors(HONEST | {"__metadata__": ["pt"]}),
        safetensors(b'{"a": {"dtype": "F32", "dtype": "I8", "shape": [4], "data_offsets": [0, 16]}}'),
        safetensors(b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 16]}}'),
        safetensors({"a": tensor(0, 16, (4,)) | {"data_offsets": [0, 16, 16]}}),
        safetensors({"a": tensor(0, 16, (4,)) | {"data_offsets": [False, 16]}}),
        safetensors({"a": [0, 16]}),
        safetensors(HONEST)[:40],
        struct.pack("<Q", 2**63) + b"{}",
        safetensors(b"{not json"),
        safetensors(b"[]"),
        safetensors(b"[" * 100_000),
        safetensors(b'{"a": {}, "a": {}}'),
        safetensors({"a": {"dtype": "F32", "shape": []}}),
        safetensors({"a": 5}),
        safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": ["0", "8"]}}),
        safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0.5, 8.5]}}),
    ],
)
def test_what_is_no_safetensors_file_is_a_skip(data: bytes) -> None:
    one = Member("m", "model.safetensors", "safetensors", len(data), data)
    assert [fact.reason for fact in SCANNER.scan(one) if isinstance(fact, Skip)] == [SkipReason.CORRUPT]


def string(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def gguf(*entries: bytes, count: int | None = None, version: int = 3) -> bytes:
    count = len(entries) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", version, 0, count) + b"".join(entries) + bytes(64)


def entry(key: bytes, kind: int, value: bytes) -> bytes:
    return string(key) + struct.pack("<I", kind) + value


PLAIN = [
    entry(b"general.architecture", 8, string(b"llama")),
    entry(b"llama.block_count", 4, bytes(4)),
    entry(b"tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + string(b"a") + string(b"b")),
    entry(b"tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 3) + bytes(12)),
    entry(b"nested", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 0, 1) + b"x"),
]
GOOD_TEMPLATE = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] | trim }}{% endfor %}"
BAD_TEMPLATES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self|attr('_TemplateReference__context') }}",
    "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ lipsum.__globals__ }}",
    "{% set x = os.system('id') %}",
    "{{ ''['__cl' + 'ass__'] }}",
    "{{ ''['__cl' ~ 'ass__'] }}",
    "{{ ''['__cla''ss__'] }}",
    "{{ ''['\\137\\137class\\137\\137'] }}",
    "{{ ''['\\N{LOW LINE}\\N{LOW LINE}class'] }}",
    "{{ ''[('%c%c' % (95, 95)) + 'class'] }}",
    "{{ ''['_' * 2 ~ 'class' ~ '_' * 2] }}",
    "{% set a = '_' %}{{ ''[a ~ a ~ 'class' ~ a ~ a] }}",
    "{{ x | map(attribute='_a') | list }}",
    "{{ x | selectattr('_x') }}",
    "{{ self._TemplateReference__context }}",
    "{{ ''.mro() }}",
    "{{ (messages | map('upper')).gi_frame.f_builtins['eval']('1') }}",
    "{{ joined.f_globals }}",
    "{{ ''[['_', '_class_', '_'] | join] }}",
    "{{ ''['ssalc' | reverse] }}",
    "{% set a = '__cl', 'ass' %}{{ ''[a | join] }}",
    "{{ x | attr\n('a') }}",
]


def test_an_honest_gguf_file_is_clean() -> None:
    template = entry(b"tokenizer.chat_template", 8, string(GOOD_TEMPLATE.encode()))
    assert rules(SCANNER, member(gguf(*PLAIN, template), "m.gguf")) == set()


@pytest.mark.parametrize("template", BAD_TEMPLATES)
def test_a_chat_template_that_reaches_python_is_critical(template: str) -> None:
    hidden = entry(b"tokenizer.chat_template.tool_use", 8, string(template.encode()))
    assert rules(SCANNER, member(gguf(*PLAIN, hidden), "m.bin")) == {"template-runs-code"}
    assert rules(SCANNER, member(template.encode(), "chat_template.jinja")) == {"template-runs-code"}
    config = json.dumps({"chat_template": template}).encode()
    assert rules(SCANNER, member(config, "tokenizer_config.json")) == {"template-runs-code"}


HONEST_TEMPLATES = [
    GOOD_TEMPLATE,
    "{%- set ns = namespace(found=false) -%}{{ messages[loop.index0 - 1]['content'].split('</think>')[-1] | trim }}",
    "{%- if tools %}{{ '\\n\\n' + tools | map(attribute='function') | list | tojson(indent=4) }}{%- endif %}",
    "{{ bos_token ~ '<|im_start|>' ~ message.role ~ '\\n' }}{% set content = '[INST] ' + content + ' [/INST]' %}",
    "{% for tool in tools | selectattr('type', 'equalto', 'function') %}{{ tool.my_name + '_' + tool.id }}{% endfor %}",
    "{{ message['content'] | trim }}{{ messages[loop.index0]['role'] | upper }}{{ name | replace('_', ' ') }}",
    "{{ tool['name'].split('_')[0] }}{{ {'a': 1}['a'] }}{% if x is defined and x['y'] %}{{ '__' }}{% endif %}",
    "{{ raise_exception('roles must alternate user/assistant') }}{{ strftime_now('%d %b %Y') }}{{ '%s: %d' % (a, 3) }}",
]


@pytest.mark.parametrize("template", HONEST_TEMPLATES)
def test_an_honest_chat_template_is_clean(template: str) -> None:
    config = json.dumps({"chat_template": [{"name": "default", "template": template}]}).encode()
    for name in ("tokenizer_config.json", "processor_config.json"):
        assert rules(SCANNER, member(config, name)) == set()


def test_of_two_templates_of_one_name_each_is_judged() -> None:
    good, bad = json.dumps(GOOD_TEMPLATE), json.dumps(BAD_TEMPLATES[0])
    for first, second in ((good, bad), (bad, good)):
        text = f'{{"chat_template": {first}, "chat_template": {second}}}'
        assert rules(SCANNER, member(text.encode(), "tokenizer_config.json")) == {"template-runs-code"}
        entries = [entry(b"tokenizer.chat_template", 8, string(json.loads(one).encode())) for one in (first, second)]
        assert rules(SCANNER, member(gguf(*entries), "m.gguf")) == {"template-runs-code"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_template_is_judged_in_every_encoding_of_json(encoding: str) -> None:
    text = json.dumps({"chat_template": BAD_TEMPLATES[0]}).replace("_", "\\u005f")
    assert rules(SCANNER, member(text.encode(encoding), "Tokenizer_Config.JSON")) == {"template-runs-code"}


def test_a_byte_that_is_no_utf8_hides_no_gadget() -> None:
    template = "\xe9{{ ''['__cl\xe9' + 'ass__'] }}".encode("latin-1")
    assert rules(SCANNER, member(template, "x.jinja")) == {"template-runs-code"}


def test_names_of_templates_are_no_template() -> None:
    names = entry(b"tokenizer.chat_templates", 9, struct.pack("<IQ", 8, 1) + string(b"tool_use"))
    assert rules(SCANNER, member(gguf(*PLAIN, names), "m.gguf")) == set()


def test_arrays_without_end_are_a_skip() -> None:
    empty = struct.pack("<IQ", 0, 0)
    flood = entry(b"k", 9, struct.pack("<IQ", 9, 2_000_001) + empty * 2_000_001)
    assert reasons(gguf(flood), "m.gguf") == [SkipReason.LIMIT]


@pytest.mark.parametrize("cut", [4, 8, 23, 30, 60, 100])
def test_a_gguf_file_that_ends_early_is_a_skip(cut: int) -> None:
    assert reasons(gguf(*PLAIN)[:cut], "m.gguf") == [SkipReason.CORRUPT]


@pytest.mark.parametrize(
    "data",
    [
        gguf(version=9),
        gguf(version=0x03000000),
        gguf(entry(b"tokenizer.chat_template", 9, struct.pack("<IQ", 8, 1) + string(b"{{ x }}"))),
        gguf(entry(b"tokenizer.chat_template.tool", 4, bytes(4))),
        gguf(entry(b"n", 9, struct.pack("<IQ", 9, 1) * 9)),
        gguf(entry(b"k" * 9, 8, string(b"v")), count=2**40),
        gguf(count=2**60),
        gguf(entry(b"k", 99, b"")),
        gguf(string(b"k" * 4)[:6], count=1)[:30],
        gguf(entry(b"k", 9, struct.pack("<IQ", 8, 2**60))),
        gguf(entry(b"k", 9, struct.pack("<IQ", 10, 2**60))),
        gguf(entry(b"k", 8, struct.pack("<Q", 2**60))),
        b"GGUF",
    ],
)
def test_a_gguf_file_that_lies_is_a_skip(data: bytes) -> None:
    assert reasons(data, "m.gguf") == [SkipReason.CORRUPT]


LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": {"class_name": "__lambda__", "config": {"code": CODE}}},
}
DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3, "class_name": 5}}


def keras(*layers: object) -> bytes:
    return json.dumps({"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}).encode()


def test_a_keras_lambda_is_critical_in_both_formats() -> None:
    assert rules(SCANNER, member(keras(LAMBDA), "config.json", container="zip")) == {"keras-lambda"}
    legacy = b"\x89HDF\r\n\x1a\n" + bytes(6_000_000) + b'{"class_name": "Lambda", "config": {}}' + bytes(100)
    assert rules(SCANNER, member(legacy, "model.h5")) == {"keras-lambda"}


def test_a_lambda_across_a_chunk_edge_of_an_hdf5_file_is_found_once() -> None:
    data = b"\x89HDF\r\n\x1a\n".ljust((4 << 20) - 10, b"\0") + b'"class_name": "Lambda"' + bytes(5 << 20)
    one = Member("m.h5", "m.h5", "hdf5", len(data), data[:1000], last=False, stream=io.BytesIO(data))
    assert [fact.rule for fact in SCANNER.scan(one) if isinstance(fact, Finding)] == ["keras-lambda"]


@pytest.mark.parametrize(
    "layer",
    [
        {"module": "subprocess", "class_name": "function", "config": "run"},
        {"module": "builtins", "class_name": "function", "config": "exec"},
        {"module": "acme.layers", "class_name": "Evil", "config": {}},
    ],
)
def test_keras_that_imports_other_modules_is_a_finding(layer: dict[str, object]) -> None:
    assert rules(SCANNER, member(keras(DENSE, layer), "config.json")) == {"keras-foreign-module"}


@pytest.mark.parametrize(
    ("layer", "rule"),
    [
        ({"module": "keras.utils", "class_name": "function", "config": "get_file"}, "keras-function"),
        ({"module": "keras.config", "class_name": "function", "config": "enable_unsafe"}, "keras-function"),
        ({"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}}, "keras-loads-code"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/x"}}, "keras-loads-code"),
        (
            {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
            "keras-reads-file",
        ),
    ],
)
def test_keras_layers_and_functions_that_reach_out_are_findings(layer: dict[str, object], rule: str) -> None:
    assert rules(SCANNER, member(keras(DENSE, layer), "config.json")) == {rule}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (rb'{"class_name": "\u004cambda"}', "keras-lambda"),
        (rb'{"cl\u0061ss_name": "Lambda"}', "keras-lambda"),
        (b'{"class_name": "Dense", "config": {"units": {}}, "module": "os"}', "keras-foreign-module"),
        (b'{"class_name": "TorchModuleWrapper", "config": {"module": "AAAA"}}', "keras-loads-code"),
    ],
)
def test_a_keras_configuration_is_found_inside_other_formats(text: bytes, rule: str) -> None:
    for name, data in (("m.h5", b"\x89HDF\r\n\x1a\n" + text), ("keras_metadata.pb", b"\x0a\x50root" + text)):
        assert rule in rules(SCANNER, member(data, name))
    assert rule in rules(SCANNER, member(bytes(512) + b"\x89HDF\r\n\x1a\n" + text, "with a user's block.mat"))


def test_a_hundred_layers_of_one_kind_are_one_finding() -> None:
    found = list(SCANNER.scan(member(keras(*[LAMBDA] * 100), "config.json")))
    assert [fact.rule for fact in found if isinstance(fact, Finding)] == ["keras-lambda"]


def test_lies_without_end_are_a_skip_beside_the_first_of_them() -> None:
    facts = list(SCANNER.scan(member(safetensors({f"t{at}": tensor(0, 1) for at in range(2000)}), "m.safetensors")))
    assert [fact.reason for fact in facts if isinstance(fact, Skip)] == [SkipReason.LIMIT]
    assert len(facts) == 1001


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + keras(LAMBDA),
        keras(LAMBDA).decode().encode("utf-16"),
        b'{"x": NaN, "a": ' + keras(LAMBDA) + b"}",
        keras(LAMBDA) + b"}",
        b'{"a": ' * 3000 + keras(LAMBDA) + b"}" * 3000,
        b'{"class_name": "Dense", "class_name": "Lambda"}',
        b'{"a": ' + b"9" * 5000 + b', "class_name" :\n "Lambda"}',
    ],
)
def test_a_keras_configuration_is_judged_however_it_is_written(text: bytes) -> None:
    for name in ("config.json", "model_config.json", "MODEL.keras.json"):
        assert rules(SCANNER, member(text, name)) == {"keras-lambda"}


def test_honest_keras_and_other_configurations_are_clean() -> None:
    assert rules(SCANNER, member(keras(DENSE), "config.json")) == set()
    assert rules(SCANNER, member(b'{"architectures": ["LlamaForCausalLM"], "module": 1}', "config.json")) == set()
    assert rules(SCANNER, member(b"not json", "config.json")) == set()
    pure = {"module": "keras.activations", "class_name": "function", "config": "relu"}
    words = {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": ["a", "b"]}}
    assert rules(SCANNER, member(keras(DENSE, pure, words), "config.json")) == set()
    assert rules(SCANNER, member(b"\x0a\x50root" + keras(DENSE), "keras_metadata.pb")) == set()
    assert rules(SCANNER, member(b"\x89HDF\r\n\x1a\n" + keras(DENSE), "model.h5")) == set()


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def node(operation: str) -> bytes:
    return field(1, b"name") + field(2, operation.encode()) + b"\x18\x07" + b"\x21" + bytes(8) + b"\x2d" + bytes(4)


def graph(*operations: str) -> bytes:
    function = field(1, field(3, node(operations[-1])))
    return b"".join(field(1, node(operation)) for operation in operations[:-1]) + field(2, function)


def saved_model(*operations: str) -> bytes:
    return b"\x08\x01" + field(2, field(1, b"\x0a\x00") + field(2, graph(*operations)))


@pytest.mark.parametrize("make", [saved_model, graph])
@pytest.mark.parametrize(("operation", "severity"), [("PyFunc", Severity.CRITICAL), ("ReadFile", Severity.HIGH)])
def test_a_tensorflow_operation_that_runs_or_reads_is_a_finding(
    make: object, operation: str, severity: Severity
) -> None:
    assert callable(make)
    for operations in ((operation, "MatMul"), ("MatMul", operation)):
        found = [
            fact for fact in SCANNER.scan(member(make(*operations), "saved_model.pb")) if isinstance(fact, Finding)
        ]
        assert [(hit.rule, hit.severity) for hit in found] == [("tensorflow-operation", severity)]
    assert rules(SCANNER, member(make("MatMul", "AddV2"), "saved_model.pb")) == set()


GROUP = b"\x7b\x08\x05\x0a\x02\xff\xff\x7c"


@pytest.mark.parametrize("name", ["saved_model.pb", "frozen.pb", "model.meta"])
def test_a_group_that_readers_pass_over_hides_no_operation(name: str) -> None:
    assert rules(SCANNER, member(GROUP + graph("MatMul", "PyFunc"), name)) == {"tensorflow-operation"}
    assert rules(SCANNER, member(GROUP + graph("MatMul", "AddV2"), name)) == set()


@pytest.mark.parametrize(
    "broken",
    [
        b"\x7c" + graph("MatMul", "PyFunc"),
        b"\x7b" + graph("MatMul", "PyFunc"),
        graph("MatMul") + b"\x21\0",
        graph("MatMul") + b"\x2d",
        graph("MatMul")[:-1],
        graph("MatMul") + b"\x0f",
        graph("MatMul") + b"\x08" + b"\xff" * 11,
    ],
)
def test_a_graph_that_no_reader_takes_is_a_skip(broken: bytes) -> None:
    """A group that is never closed, or was never opened, and fields that end beyond the file."""
    assert reasons(broken, "saved_model.pb") == [SkipReason.CORRUPT]


def test_the_last_name_of_an_operation_counts() -> None:
    """As protobuf's readers take a field that may occur once."""
    for names, found in ((("PyFunc", "MatMul"), set()), (("MatMul", "PyFunc"), {"tensorflow-operation"})):
        twice = b"".join(field(2, name.encode()) for name in names)
        assert rules(SCANNER, member(field(1, field(1, b"n") + twice), "saved_model.pb")) == found


def test_a_graph_that_prints_to_a_file_is_a_finding() -> None:
    def printing(stream: bytes) -> bytes:
        attribute = field(1, b"output_stream") + field(2, field(2, stream))
        return field(2, field(2, field(1, field(2, b"PrintV2") + field(5, attribute))))

    assert rules(SCANNER, member(printing(b"file:///root/.bashrc"), "saved_model.pb")) == {"tensorflow-operation"}
    assert rules(SCANNER, member(printing(b"stderr"), "saved_model.pb")) == set()


def test_a_graph_written_as_text_is_read() -> None:
    for name in ("saved_model.pbtxt", "graph.pb.txt"):
        assert rules(SCANNER, member(b'node { name: "x" op: "PyFunc" }', name)) == {"tensorflow-operation"}
        assert rules(SCANNER, member(b'node { name: "PyFunc" op: "MatMul" }', name)) == set()


def test_modules_in_a_torch_package_are_a_finding() -> None:
    assert rules(SCANNER, member(b"sys\n", "model/.data/extern_modules")) == {"torch-package"}
    assert rules(SCANNER, member(b"3\n", "model/.data/version")) == set()


def test_a_file_that_is_no_graph_is_a_skip_only_where_it_must_be_one() -> None:
    assert reasons(b"\xff" * 40, "saved_model.pb") == [SkipReason.CORRUPT]
    assert reasons(b"\xff" * 40 + b"\0", "other.pb") == []


def onnx(location: str, *, nested: bool = False) -> bytes:
    external = field(1, b"location") + field(2, location.encode())
    weights = field(8, b"w") + field(13, external) + field(9, bytes(1000))
    if not nested:
        return field(7, field(5, weights))
    attribute = field(1, b"body") + field(6, field(5, weights))
    return field(7, field(1, field(5, attribute)))


@pytest.mark.parametrize(
    "place",
    ["./" * 3000 + "../x", "/etc/passwd", "../../secret", "a/../../b", "C:\\x", "..\\x", "\\\\host\\share", "a\0b"],
)
def test_onnx_data_outside_the_models_folder_is_a_finding(place: str) -> None:
    for nested in (False, True):
        for name in ("model.onnx", "model.pb"):
            assert rules(SCANNER, member(onnx(place, nested=nested), name)) == {"onnx-external-path"}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda tensor: field(7, field(15, field(1, tensor))),
        lambda tensor: field(7, field(15, field(2, tensor))),
        lambda tensor: field(20, field(1, field(5, tensor))),
        lambda tensor: field(25, field(7, field(5, field(5, tensor)))),
        lambda tensor: field(7, field(1, field(5, field(11, field(5, tensor))))),
        lambda tensor: field(7, b"") + field(7, field(5, b"") + field(5, tensor)),
    ],
)
def test_no_place_in_an_onnx_model_hides_a_tensor(wrapped: Callable[[bytes], bytes]) -> None:
    """Sparse tensors, training graphs, functions, attributes of attributes, messages written twice."""
    tensor = field(13, field(1, b"location") + field(2, b"../../x"))
    assert rules(SCANNER, member(wrapped(tensor), "model.onnx")) == {"onnx-external-path"}


def test_of_two_locations_of_a_tensor_the_last_counts() -> None:
    for places, found in ((("x", "../x"), {"onnx-external-path"}), (("../x", "x"), set())):
        twice = b"".join(field(2, place.encode()) for place in places)
        data = field(7, field(5, field(13, field(1, b"location") + twice)))
        assert rules(SCANNER, member(data, "model.onnx")) == found


@pytest.mark.parametrize(
    "data",
    [
        b"\x3a",
        b"\x3a\x80",
        field(7, b"\x2a\xff\xff\xff\xff\x0f"),
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x3c",
        field(7, b"\x2b"),
        field(7, field(5, b"\x6e")),
    ],
)
def test_lengths_that_lie_in_an_onnx_model_are_a_skip(data: bytes) -> None:
    assert reasons(data, "model.onnx") == [SkipReason.CORRUPT]


def test_more_fields_than_are_followed_are_a_skip() -> None:
    assert reasons(field(7, b"\x08\0" * 2_000_001), "model.onnx") == [SkipReason.LIMIT]


def test_a_graph_has_no_more_fields_for_being_read_in_three_ways() -> None:
    """As a saved model, a graph with its metadata and a graph: these fields lie at a place that all three walk."""
    assert reasons(b"\x08\0" * 700_000, "saved_model.pb") == [SkipReason.LIMIT]


def test_onnx_data_beside_the_model_is_clean() -> None:
    assert rules(SCANNER, member(onnx("weights/part..1.bin"), "model.onnx")) == set()


def test_a_graph_nested_without_end_is_a_skip() -> None:
    inner = b""
    for _ in range(40):
        inner = field(1, field(5, field(6, inner)))
    assert reasons(field(7, inner), "model.onnx") == [SkipReason.LIMIT]


NAMES = ["model.safetensors", "m.gguf", "model.onnx", "saved_model.pb", "config.json", "m.h5", "chat_template.jinja"]


@given(st.binary(max_size=300), st.sampled_from(NAMES), st.sampled_from([b"", b"GGUF\x03\0\0\0", b"\x89HDF\r\n\x1a\n"]))
def test_any_bytes_end_in_facts(data: bytes, name: str, head: bytes) -> None:
    one = member(head + data, name)
    assert all(isinstance(fact, Finding | Skip) for fact in SCANNER.scan(one))


def test_models_have_no_options() -> None:
    with pytest.raises(ConfigError, match="none"):
        models.build({"strict": True})
