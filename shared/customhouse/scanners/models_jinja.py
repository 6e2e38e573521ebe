"""Jinja that a model brings along and that its runtime renders: it must not reach Python.

A template is split as Jinja's own lexer does (jinja2/lexer.py): a bracket inside a string is no subscript, and text
outside the delimiters is not run. What that lexer would refuse is judged as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, listed, shown

_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
"""Not every template is UTF-8: else a byte that is none would be what no class of characters holds."""
_GADGETS = re2.compile(
    rb"__[a-z]+__|_TemplateReference|\.\s*mro\s*\(|\b(cycler|joiner|lipsum|namespace)\s*(\.\s*|\[\s*['\"])_"
    rb"|\|\s*attr\s*\(|\battr\s*\(\s*['\"]|\battribute\s*=\s*['\"]([^'\"]*\.)?_|\|\s*(map|(select|reject)attr)\s*\(\s*['\"]_"
    rb"|\\x5[fF]|\\u005[fF]|\\U0000005[fF]|\\137|\\N\{|%c[^'\"]*['\"]\s*(%|\|\s*format)"
    rb"|['\"][^'\"\n]{0,80}__[a-z]*['\"]\s*[~+'\"]|[~+]\s*['\"][a-z]*__['\"]|['\"]_{1,2}['\"]\s*\*"
    rb"|['\"]__[a-z]|\[\s*['\"]_{1,2}['\"]\s*,"
    rb"|\b(gi|cr|ag|tb|f|func)_(frame|code|globals|builtins|locals|back|closure)\b"
    rb"|\b(os|subprocess|sys)\s*\.\s*(popen|system|environ|modules|run)\b",
    _BYTES,
)
"""In the code of a template, its strings included."""
_COMPUTED = re2.compile(
    rb"[\w'\"\)\]]\s*\[[^\]]{0,60}(~|['\"]\s*(\+|\|\s*([^l\s]|l[^e]))|\+\s*['\"])"
    rb"|\b(eval|exec|popen)\s*\(",
    _BYTES,
)
"""In code whose strings are empty: names that are put together."""
_CALLS = re.compile(rb"(?:(\.)\s*+|(\||(?<!\w)(?:is(?:\s+not)?|filter)\b)\s*+)?\b([A-Za-z_]\w*+)\s*+\(")
_RESULT = re.compile(rb"[\])]\s*+\(")
_MACROS = re.compile(rb"\bmacro\s+([A-Za-z_]\w*)")
_KNOWN = listed("jinja.txt")
_BEGIN = re.compile(rb"\{%[-+]?\s*+raw\s*+-?%\}|\{[{%#]")
_END_RAW = re.compile(rb"\{%[-+]?\s*+endraw\s*+[-+]?%\}")
_TOKEN = re.compile(rb"'[^'\\]*+(?:\\.[^'\\]*+)*+'|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"|[()\[\]{}'\"]", re.DOTALL)
_CLOSES = {b")": b"(", b"]": b"[", b"}": b"{"}


def template(data: bytes, where: str) -> Iterator[Claim]:
    """A claim where the template reaches for Python's internals, or calls what is neither Jinja's nor its own."""
    if b"{{" not in data and b"{%" not in data:
        return
    parts = _code(data)
    code, bare = (data, data) if parts is None else parts
    if found := _GADGETS.search(code) or _COMPUTED.search(bare):
        message = f"chat template in {where} reaches Python: {shown(found.group())}"
        yield Claim("template-runs-code", Severity.CRITICAL, message)
    elif parts and (strange := _strange(bare)):
        yield Claim("template-calls", Severity.HIGH, f"chat template in {where} calls {shown(strange)}")


def _strange(bare: bytes) -> bytes:
    """The first thing that is called and is not known; a filter or a test may have any name."""
    known = {*_KNOWN["functions"], *_KNOWN["words"]}.union(name.decode() for name in _MACROS.findall(bare))
    for dot, fitted, name in _CALLS.findall(bare):
        if not fitted and name.decode() not in (_KNOWN["methods"] if dot else known):
            return bytes(name)
    return b"what a subscript or another call gives" if _RESULT.search(bare) else b""


def _code(data: bytes) -> tuple[bytes, bytes] | None:
    """What is between the delimiters, with its strings and with empty ones; None where it does not end."""
    code: list[bytes] = []
    bare: list[bytes] = []
    at = 0
    while begin := _BEGIN.search(data, at):
        start = begin.end()
        if begin[0] in {b"{{", b"{%"}:
            at = _end(data, start, bare, expression=begin[0] == b"{{")
            code.append(data[start:at])
        elif begin[0] == b"{#":
            at = data.find(b"#}", start)
        else:
            end = _END_RAW.search(data, start)
            at = end.end() if end else -1
        if at < 0:
            return None
    return b" ; ".join(code), b"".join(bare)


def _end(data: bytes, at: int, bare: list[bytes], *, expression: bool) -> int:
    """The index after the delimiter that ends this code, which goes to `bare`; -1 where there is none."""
    left: list[bytes] = []
    for token in _TOKEN.finditer(data, at):
        text = token[0]
        bare += data[at : token.start()], text if len(text) == 1 else text[:1] * 2
        at = token.end()
        if text == b"}" and not left:
            ends = data.startswith(b"}", at) if expression else data[at - 2 : at] == b"%}"
            bare.append(b" ; ")
            return at + expression if ends else -1
        if text in _CLOSES:
            if not left or left.pop() != _CLOSES[text]:
                return -1
        elif text in {b"'", b'"'}:
            return -1
        elif len(text) == 1:
            left.append(text)
    return -1
