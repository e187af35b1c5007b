"""XLSX workbooks made up for the tests, and the same with a part spoilt."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

Cell = str | int | float | bool | datetime | None
Rows = Iterable[Sequence[Cell]]
FIRST_SHEET, SHARED_STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def made(sheets: Mapping[str, Rows], *, counts_from_1904: bool = False) -> bytes:
    """Give a workbook of these sheets, each a list of rows."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    if counts_from_1904:
        workbook.epoch = CALENDAR_MAC_1904
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def changed(content: bytes, change: Callable[[bytes], bytes], name: str = FIRST_SHEET) -> bytes:
    """Give the workbook with one part changed."""
    made_anew = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made_anew, "w", zipfile.ZIP_DEFLATED) as after:
        for part in before.namelist():
            text = before.read(part)
            after.writestr(part, change(text) if part == name else text)
    return made_anew.getvalue()


def shared(content: bytes) -> bytes:
    """Give the workbook with its texts in a part of their own, each once, as a spreadsheet writes them."""
    found: dict[bytes, int] = {}

    def place(match: re.Match[bytes]) -> bytes:
        return b't="s"><v>%d</v>' % found.setdefault(match[1], len(found))

    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    made_anew = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made_anew, "w", zipfile.ZIP_DEFLATED) as after:
        for part in before.namelist():
            text = re.sub(rb't="inlineStr"><is>(<t.*?</t>|<t ?/>)</is>', place, before.read(part))
            override = b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + kind + b'"/></Types>'
            after.writestr(part, text.replace(b"</Types>", override))
        strings = b"".join(b"<si>" + text + b"</si>" for text in found)
        main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        after.writestr(SHARED_STRINGS, b'<sst xmlns="' + main + b'">' + strings + b"</sst>")
    return made_anew.getvalue()
