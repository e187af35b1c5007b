"""Settings as text: YAML becomes a typed policy or desk, or an error that lists every problem with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeVar, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from core.settings import Desk, Policy
from core.settings_fields import Section

Path = tuple[int | str, ...]
Model = TypeVar("Model", bound=Section)

# Digits are bounded so that every number is exact in Decimal arithmetic and in the database.
_WHOLE = re.compile("-?(0|[1-9][0-9]{0,14})")
_DECIMAL = re.compile("-?(0|[1-9][0-9]{0,14})[.][0-9]{1,12}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_CHARACTER = "names no character; write the character itself"
_NOTHING = ("", "~", "null")
_DEPTH_MAX = 8
_SHOWN_MAX = 60
# A command asks for the same few texts again and again, and each takes tens of milliseconds to read.
_TEXTS_KEPT = 32


# Stands between a missing key and what it must be.
MISSING = " is missing; it must be "


class SettingsError(ValueError):
    """Settings cannot be read: each of `problems` names file, line and key, what was found and what would be right."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Keep the problems; the message is all of them, a line each."""
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@lru_cache(_TEXTS_KEPT)
def parse_policy(text: str, where: str) -> Policy:
    """Read a book's policy; `where` is the file's name for messages. Raises SettingsError with all problems."""
    return _parse(Policy, text, where)


@lru_cache(_TEXTS_KEPT)
def parse_desk(text: str, where: str) -> Desk:
    """Read the desk; `where` is the file's name for messages. Raises SettingsError with all problems."""
    return _parse(Desk, text, where)


def parse_section(model: type[Model], text: str, where: str) -> Model:
    """Read any other section, such as an adapter's own settings. Raises SettingsError with all problems."""
    return _parse(model, text, where)


@dataclass(frozen=True)
class _Spot:
    """Where a key or an item stands, and what was found there."""

    line: int
    found: str


@dataclass
class _Document:
    """What was read: where each path stands, and the problems met so far, each with its line."""

    spots: dict[Path, _Spot] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def object_to(self, line: int, message: str) -> None:
        """Add a problem, once."""
        if (line, message) not in self.problems:
            self.problems.append((line, message))

    def nearest(self, path: Path) -> Path:
        """Give the longest part of a path that stands in the text."""
        return path if path in self.spots or not path else self.nearest(path[:-1])

    def raise_if_any(self, where: str) -> None:
        """Raise SettingsError with the problems in the order of their lines."""
        if self.problems:
            in_order = sorted(self.problems, key=lambda problem: problem[0])
            raise SettingsError(f"{where}:{line}: {message}" for line, message in in_order)


def _parse(model: type[Model], text: str, where: str) -> Model:
    document = _Document()
    values = _read(text, document, where)
    parsed: Model | None = None
    try:
        parsed = model.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _tell(detail, model, document)
    document.raise_if_any(where)
    if parsed is None:
        raise SettingsError([f"{where}:1: refused for a reason that has no line"])
    return parsed


# --- from text to plain values ----------------------------------------------------------------------------------------


def _read(text: str, document: _Document, where: str) -> object:
    for number, line in enumerate(text.split("\n"), start=1):
        if "\t" in line:
            document.object_to(number, "a tab was found; indent and separate with spaces")
    document.raise_if_any(where)
    try:
        _refuse_extras(yaml.parse(text, Loader=yaml.SafeLoader), document)
    except yaml.YAMLError as error:
        document.object_to(_line_of(error, text), _what(error))
    except (OverflowError, ValueError) as error:
        # The library turns an escape into a character without asking whether there is one of that number.
        raise SettingsError([f"{where}:1: an escape in quotes {_NO_CHARACTER}"]) from error
    document.raise_if_any(where)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None or (isinstance(root, yaml.ScalarNode) and root.value in _NOTHING):
        raise SettingsError([f"{where}:1: the file is empty; it must hold `key: value` lines"])
    if not isinstance(root, yaml.MappingNode):
        raise SettingsError([f"{where}:{_line(root)}: found {_found(root)}; the file must hold `key: value` lines"])
    document.spots[()] = _Spot(_line(root), _found(root))
    return _value(root, (), document)


def _refuse_extras(events: Iterator[yaml.Event], document: _Document) -> None:
    """Object to what YAML allows and settings do not need: more documents, anchors, aliases, tags, deep nesting."""
    documents = depth = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.DocumentStartEvent) and documents > 1:
            document.object_to(line, "a second document was found; a file holds one, so remove the `---`")
        if depth > _DEPTH_MAX:
            document.object_to(line, f"sections are nested {depth} deep; at most {_DEPTH_MAX} are read")
            return
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            document.object_to(line, f"anchor or alias {event.anchor!r} was found; write the value out")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            document.object_to(line, f"tag {event.tag!r} was found; write the plain value")
        if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
            document.object_to(line, f"an escape in quotes {_NO_CHARACTER}")


def _value(node: yaml.Node, path: Path, document: _Document) -> object:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            document.spots[(*path, at)] = _Spot(_line(item), _found(item))
        return tuple(_value(item, (*path, at), document) for at, item in enumerate(node.value))
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, document: _Document) -> dict[str, object]:
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            document.object_to(_line(key_node), f"{_found(key_node)} was found as a key; a key must be a name")
            continue
        key = str(key_node.value)
        inner = (*path, key)
        if key in values:
            first = document.spots[inner].line
            document.object_to(_line(key_node), f"{_dotted(inner)} stands twice, first on line {first}; keep one")
            continue
        document.spots[inner] = _Spot(_line(key_node), _found(value_node))
        values[key] = _value(value_node, inner, document)
    return values


def _scalar(node: yaml.Node) -> object:
    """Type a scalar by its form: quoted is text, digits are a number, true and false are booleans, the rest is text."""
    text = str(node.value)
    if _is_quoted(node):
        return text
    if text in _NOTHING:
        return None
    if text in ("true", "false"):
        return text == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def _is_quoted(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is not None


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a section"
    if isinstance(node, yaml.SequenceNode):
        return "an empty list" if not node.value else "a list"
    text = str(node.value)
    if _is_quoted(node):
        return f"the text {_shown(repr(text))} in quotes"
    return "nothing" if text in _NOTHING else _shown(text)


def _shown(text: str) -> str:
    flat = text.replace("\n", " ")
    return flat if len(flat) <= _SHOWN_MAX else f"{flat[:_SHOWN_MAX]}…"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _line_of(error: yaml.YAMLError, text: str) -> int:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return int(error.problem_mark.line) + 1
    return text.count("\n", 0, getattr(error, "position", 0)) + 1


def _what(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        context = f" {error.context}" if error.context else ""
        return f"this is not YAML: {error.problem}{context}; write `key: value` lines, indented with spaces"
    return f"character {_character(error)} was found; settings are plain text"


def _character(error: yaml.YAMLError) -> str:
    code = getattr(error, "character", 0)
    return f"U+{code:04X}" if isinstance(code, int) else repr(code)


# --- from refusals to sentences ---------------------------------------------------------------------------------------


def _tell(detail: ErrorDetails, model: type[Section], document: _Document) -> None:
    """Put one refusal into words: which key, what was found, what would be right."""
    path: Path = detail["loc"]
    if detail["type"] == "extra_forbidden":
        document.object_to(document.spots[path].line, _unknown(path, model))
    elif detail["type"] == "missing":
        line = document.spots[document.nearest(path)].line
        document.object_to(line, f"{_dotted(path)}{MISSING}{_right(model, path)}")
    elif detail["type"] == "contradiction":
        for key, why in detail["ctx"]["found"]:
            inner = (*path, *key.split("."))
            document.object_to(document.spots[document.nearest(inner)].line, f"{_dotted(inner)} {why}")
    else:
        spot, near = document.spots[document.nearest(path)], document.nearest(path)
        document.object_to(spot.line, f"{_dotted(near)} was {spot.found}; it must be {_right(model, near)}")


def _unknown(path: Path, model: type[Section]) -> str:
    key, known = str(path[-1]), list(_keys_at(model, path[:-1]))
    close = get_close_matches(key, known, n=1, cutoff=0.6)
    homes = [home for home, name in _homes(model) if name == key]
    if close:
        hint = f"did you mean {close[0]}?"
    elif homes:
        hint = f"it belongs under {' or '.join(homes)}"
    else:
        hint = f"known here are {', '.join(known)}"
    return f"{_dotted(path)} is unknown; {hint}"


def _keys_at(model: type[Section], path: Path) -> Iterable[str]:
    section = _section_of(_field_at(model, path))
    return section.model_fields if section else ()


def _homes(model: type[Section], under: str = "") -> Iterator[tuple[str, str]]:
    for name, info in model.model_fields.items():
        section = _section_of(info)
        if section:
            yield from _homes(section, f"{under}.{name}".lstrip("."))
        yield under or "no section", name


def _right(model: type[Section], path: Path) -> str:
    """Say what would be right at a path, from the field's own description, choices or keys."""
    info = _field_at(model, path)
    section = _section_of(info)
    if info.description:
        return info.description
    if section:
        return f"a section with the keys {', '.join(section.model_fields)}"
    return " or ".join(str(choice).lower() if choice is True else str(choice) for choice in get_args(info.annotation))


def _field_at(model: type[Section], path: Path) -> FieldInfo:
    info = FieldInfo.from_annotation(model)
    for step in path:
        section, kind = _section_of(info), info.annotation
        if section:
            info = section.model_fields[str(step)]
        elif get_origin(kind) in (tuple, dict):
            info = FieldInfo.from_annotation(get_args(kind)[0 if get_origin(kind) is tuple else 1])
    return info


def _section_of(info: FieldInfo) -> type[Section] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _dotted(path: Path) -> str:
    """Write a path as people do: `limits.weight_max`, `accounts[2].name` with items counted from one."""
    text = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the file"
