"""Chat templates as models bring them: what a runtime may render, and what reaches Python by a detour."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Severity, Skip, SkipReason
from customhouse.scanners.models_claims import listed
from customhouse.scanners.models_jinja import template
from tests.scanners.support import findings, member, rules
from tests.scanners.test_models import BAD_TEMPLATES, HONEST_TEMPLATES, PLAIN, SCANNER, entry, gguf, reasons, string

HONEST = [
    *HONEST_TEMPLATES,
    '{{- "list[" + json_to_python_type(spec["items"]) + "]" }}{% macro json_to_python_type(spec) %}x{% endmacro %}',
    '{{- "dict[str, " + name + \']\' }}{{ "[" ~ tool.name ~ "]" }}{{ \'[|\' + message["role"] + \'|]\' }}',
    "{{ messages | map(attribute='tool_calls') | list }}{{ parts | sum(attribute='token_count') }}",
    "{{ items | selectattr('tool_call_id', 'equalto', x) | map(attribute='function.full_name') | list }}",
    "{{ content[('<think>' | length):] }}{{ content.split('</think>')[-1].lstrip('\\n') }}",
    "Call eval(code), exec(code) or popen(x) to run it. Use __init__ and __class__ as you like. {{ content }}",
    "{# os.system('id') and ''.__class__ #}{{ content }}",
    "{% raw %}{{ ''.__class__ }}{% endraw %}{{ content }}",
    "{% if (a) and (b) or not (c) and d in ('x', 'y') and e is not divisibleby(3) %}{{ (a + b) * (c) }}{% endif %}",
    "{{ {'a': {'b': [1, 2]}}['a'] }}{{ (x, y) }} {{ (z) }}",
    "{% macro show(part, deep=true) -%}{{ part }}{%- endmacro %}{{ show(message, false) }}{{- show (x) -}}",
    "{% for m in messages recursive %}{{ loop(m.parts) }}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% call(x) wrap() %}{{ caller() }}{% endcall %}{% macro wrap() %}{{ caller('y') }}{% endmacro %}",
    "{{ now.strftime('%Y') }}{{ text.removeprefix('a').strip().upper().split(',')[0] }}{{ d.items() | list }}",
    "{%- set ns = namespace(found=false, text='') -%}{%- set ns.text = ns.text ~ '_' ~ x -%}",
    "{{ '{{' }}{{ \"%}\" }}{{ '}}' ~ x }}{{ 'it\\'s' }}",
]


@pytest.mark.parametrize("text", HONEST)
def test_what_templates_do_is_clean_wherever_they_are(text: str) -> None:
    config = json.dumps({"chat_template": text, "added_tokens_decoder": {"1": {"content": "__en__"}}}).encode()
    assert rules(SCANNER, member(config, "tokenizer_config.json")) == set()
    assert rules(SCANNER, member(text.encode(), "chat_template.jinja")) == set()
    held = entry(b"tokenizer.chat_template", 8, string(text.encode()))
    assert rules(SCANNER, member(gguf(*PLAIN, held), "m.gguf")) == set()


REACHING = [
    "{% set u = '_' %}{% set c = u ~ u ~ 'class' ~ u ~ u %}{{ ''[c] }}{{ x.__init__ }}",
    "don't {{ ''.__class__ }} isn't",
    "{# ' #}{{ ''.__class__ }}{# ' #}",
    "{% raw %}{{ ' {% endraw %}{{ ''.__class__ }}{% raw %} ' }}{% endraw %}",
    '{%- raw -%}"{%- endraw -%}{{ x.__class__ }}',
    "{{ \"'\" }}{{ ''.__class__ }}{{ \"'\" }}",
    "{{ '\\'' }}{{ ''.__class__ }}",
    "{{ {'a': 1}.__class__ }}",
    "{{ {'a': {'b': 1}}.__class__ }}",
    "{% set x = {'a': 1 %{'b': 2}}.__class__ %}",
    "{{ '%}' }}{{ x.__class__ }}",
    "{% if x %}{{ [1, 2].__class__ }}{% endif %}",
    "{{ x['a' + b] }}",
    "{{ x[a ~ b] }}",
    "{{ messages[0]['_' + 'x'] }}",
    "{{ eval('1') }}",
    "{{ x.popen('id') }}",
    "{{ x | attr('a') }}",
    "{{ x.gi_frame }}",
    "{{ x.__class__",
    "{{ 'open {{ x.__class__ }}",
    "{{ (x.__class__] }}",
]


@pytest.mark.parametrize("text", REACHING)
def test_no_delimiter_hides_what_reaches_python(text: str) -> None:
    [found] = findings(SCANNER, member(text.encode(), "chat_template.jinja"))
    assert (found.rule, found.severity) == ("template-runs-code", Severity.CRITICAL)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("{% set f = x[y] %}{{ f() }}", "f"),
        ("{{ x[y]() }}", "what a subscript or another call gives"),
        ("{{ x[y] ('id') }}", "what a subscript or another call gives"),
        ("{{ (f)(1) }}", "what a subscript or another call gives"),
        ("{{ f(1)(2) }}{% macro f() %}{% endmacro %}", "what a subscript or another call gives"),
        ("{% set m = x[y] %}{{ m.system('id') }}", "system"),
        ("{{ m.read() }}", "read"),
        ("{{ m . spawn ('id') }}", "spawn"),
        ("{{ open('/etc/passwd') }}", "open"),
        ("{% call open('/etc/passwd') %}{% endcall %}", "open"),
        ("{% for f in [x] %}{{ f('id') }}{% endfor %}", "f"),
        ("{% if f('id') %}{% endif %}", "f"),
        ("{% set x = not f('id') %}", "f"),
        ("{{ isx('id') }}", "isx"),
        ("{{ a is defined and f('id') }}", "f"),
        ("{{ a | upper ~ f('id') }}", "f"),
    ],
)
def test_a_call_of_what_is_neither_jinjas_nor_its_own_is_a_finding(text: str, called: str) -> None:
    """However its name was put together: to do anything, it has to be called."""
    [found] = findings(SCANNER, member(text.encode(), "chat_template.jinja"))
    assert (found.rule, found.severity) == ("template-calls", Severity.HIGH)
    assert found.message.endswith(f" calls {called}")


@pytest.mark.parametrize("language", ["__en__", "__fr__", "__zh__"])
def test_tokens_that_look_like_attributes_are_no_template(language: str) -> None:
    tokens = json.dumps({"additional_special_tokens": [language], "chat_template": "{{ content }}"}).encode()
    assert rules(SCANNER, member(tokens, "tokenizer_config.json")) == set()
    assert list(template(language.encode(), "x")) == []


@pytest.mark.parametrize("bad", BAD_TEMPLATES)
def test_a_template_is_found_under_every_name_of_a_file_that_holds_one(bad: str) -> None:
    for name in ("chat_template.json", "processor_config.json", "dir/tokenizer_config.json"):
        data = json.dumps({"chat_template": [{"name": "x", "template": bad}]}).encode()
        assert rules(SCANNER, member(data, name)) == {"template-runs-code"}
    for name in ("a.jinja2", "additional_chat_templates/tool_use.jinja", "CHAT_TEMPLATE.JINJA"):
        assert rules(SCANNER, member(bad.encode(), name)) == {"template-runs-code"}


def test_one_template_does_not_lend_its_text_to_another() -> None:
    """Each is rendered by itself: an open string in one is no string around the next."""
    data = json.dumps({"chat_template": [{"template": "{{ 'a"}, {"template": BAD_TEMPLATES[0]}, {"template": "b' }}"}]})
    assert rules(SCANNER, member(data.encode(), "tokenizer_config.json")) == {"template-runs-code"}


def test_templates_too_large_to_judge_are_skips() -> None:
    assert reasons(b"{{ x }}" + b" " * (16 << 20), "x.jinja") == [SkipReason.LIMIT]
    assert reasons(b'{"a": [' + b"[]," * 1_100_000 + b"[]]}", "chat_template.json") == [SkipReason.LIMIT]
    long = entry(b"tokenizer.chat_template", 8, string(b"x" * ((16 << 20) + 1)))
    assert reasons(gguf(long), "m.gguf") == [SkipReason.LIMIT]


def test_what_is_rendered_by_name_or_by_content_is_judged_both_ways() -> None:
    """A GGUF file that is called a template is still loaded as a model."""
    hidden = gguf(*PLAIN, entry(b"tokenizer.chat_template", 8, string(BAD_TEMPLATES[1].encode())))
    assert "template-runs-code" in rules(SCANNER, member(hidden, "chat_template.jinja"))
    assert "template-runs-code" in rules(SCANNER, member(hidden, "tokenizer_config.json"))


PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "{% raw %}",
            "{% endraw %}",
            "'",
            '"',
            "\\",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
        ),
        *(" x", " ~ ", "1", "\n", "-", " if ", "|f", ".a", "é"),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_whatever_stands_around_it_a_gadget_between_delimiters_is_found(around: str) -> None:
    """Where a template cannot be split it is judged whole; in none does a gadget of its own expression hide."""
    closed = "{% endraw %}#}{{ ''.__class__ }}"
    assert list(template((closed + around).encode(), "x"))


@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(["x.jinja", "tokenizer_config.json"]))
def test_any_template_ends_in_facts(text: str, name: str) -> None:
    assert all(isinstance(fact, Finding | Skip) for fact in SCANNER.scan(member(text.encode(), name)))


def test_what_is_known_to_be_called_is_listed_once() -> None:
    known = listed("jinja.txt")
    assert set(known) == {"words", "functions", "methods"}
    assert not {"system", "popen", "read", "write", "format_map", "mro", "eval", "exec", "open"} & set().union(
        *known.values()
    )
