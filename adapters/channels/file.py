"""The channel of files: a ticket in the workspace's own folder, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flows.deliver import ChannelError, Message

Write = Callable[[Path, bytes], None]


class FileChannel:
    """Writes tickets into a folder; the same ticket gives the same bytes."""

    name = "file"
    takes_rehearsals = True

    def __init__(self, folder: Path, write: Write) -> None:
        """Write into a folder by a function that leaves no half of a file."""
        self._folder, self._write = folder, write

    def deliver(self, message: Message) -> str:
        """Write both files and give their names; raises ChannelError when one cannot be written."""
        ticket_id = message.issued.ticket.ticket_id
        try:
            self._write(self._folder / f"{ticket_id}.md", message.markdown.encode())
            self._write(self._folder / f"{ticket_id}.json", message.json.encode())
        except OSError as error:
            raise ChannelError(f"{ticket_id} could not be written: {error.strerror}") from error
        return f"tickets/{ticket_id}.md and .json"
