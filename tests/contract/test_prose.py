"""Prose is plain technical English, and functions are named by verbs."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("trm", "services", "workers")
DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

BANNED = re.compile(
    r"""\b(
        whoever | whomever | nobody('s)? | somebody('s)? | anybody('s)? | any\s?more | behind\s([\w']+\s){1,5}backs? | for\sever | anew
        | in\sgood\sorder | (fell|falls)\ssilent | thought\sabout | youngest\sfirst | twice\sdoes\sno\sharm | not\sone\sof\sours
        | dealt\swith | go(es)?\son\s(from|with) | lets?\sgo\sof
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)  # quotes what others named, such as the user `nobody`

IRREGULAR = re.compile(
    r"told|shown|seen|given|found|made|held|kept|left|lost|sent|gone|built|bought|brought|taken|written|drawn|known|grown|thrown|chosen"
    r"|broken|frozen|spoken|driven|hidden|bound|spent|lent|meant|heard|laid|led|met|paid|said|sold|won|done|been|begun"
)
VERBS_IN_ED = frozenset({"embed", "exceed", "feed", "need", "proceed", "seed"})
NOUNS = frozenset({"pretrained"})  # a shipped model by its name


def passages(path: Path) -> Iterator[tuple[int, str]]:
    """The prose of a module: docstrings, comments, and texts of several words; each with its line."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and " " in token.string):
            yield token.start[0], token.string


def participles(path: Path) -> Iterator[str]:
    """Functions and methods named by a participle alone; properties and context managers may be."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            name = node.name.strip("_")
            if IRREGULAR.fullmatch(name) or (re.fullmatch(r"[a-z]+ed", name) and name not in VERBS_IN_ED | NOUNS):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def banned(text: str) -> list[str]:
    """The banned turns of a text, those within code left out."""
    return [match.group() for match in BANNED.finditer(CODE.sub("", text))]


def test_code_speaks_plain_english() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {turn}"
        for path in modules(*PACKAGES, "migrations", "deploy")
        for line, text in passages(path)
        for turn in banned(text)
    ]
    assert found == []


def test_documents_speak_plain_english() -> None:
    documents = [*(ROOT / name for name in DOCUMENTS), *sorted((ROOT / "docs").rglob("*.md"))]
    found = [f"{path.relative_to(ROOT)} {turn}" for path in documents for turn in banned(path.read_text())]
    assert found == []


def test_functions_are_named_by_verbs() -> None:
    assert [name for path in modules(*PACKAGES) for name in participles(path)] == []


def test_the_check_finds_what_it_bans() -> None:
    assert banned("Whoever asks is not here any more; it runs behind the other thread's back.") == [
        "Whoever",
        "any more",
        "behind the other thread's back",
    ]
    assert banned("Postgres runs as the user `nobody`, and any moment counts.") == []
