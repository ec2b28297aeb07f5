"""A field of one line, whatever is pasted into it."""

from __future__ import annotations

from textual.widgets import Input


class LineInput(Input):
    """An Input of one row, into which nothing gets that could act on the terminal."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        password: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            password=password,
            select_on_focus=False,
            compact=True,
            id=id,
            classes=classes,
        )

    def validate_value(self, value: str) -> str:
        """The value without what is not printable."""
        return "".join(filter(str.isprintable, value))
