"""Rows of an Excel file, as VLMEvalKit writes its predictions."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from onethinker_rewards.cli.messages import CliError, error_text
from onethinker_rewards.cli.rows import Row


def is_spreadsheet(path: str) -> bool:
    """Return whether a file is called one of Excel's."""
    return Path(path).suffix.lower() == ".xlsx"


def spreadsheet_rows(path: str) -> Iterator[Row]:
    """Yield the rows below the first one of the first sheet, which names the columns; an empty cell is no value.

    Raises:
        CliError: If openpyxl is not installed, or the file cannot be read.
    """
    try:
        # It is needed for this alone.
        from openpyxl import load_workbook  # noqa: PLC0415
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415
    except ImportError:
        raise CliError(f"{path}: needs openpyxl: pip install 'onethinker-rewards[xlsx]', or save it as CSV") from None
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            lines = book.worksheets[0].iter_rows(values_only=True)
            names = [str(cell) for cell in next(lines, ())]
            for number, cells in enumerate(lines, 2):
                # Excel turns a text that looks like a number into one; to a model both are text.
                pairs = zip(names, cells, strict=False)
                columns: dict[str, object] = {name: str(cell) for name, cell in pairs if cell is not None}
                if columns:
                    yield Row(number, columns)
    except OSError as error:
        raise CliError(f"{path}: {error_text(error)}") from None
    except (InvalidFileException, zipfile.BadZipFile, zlib.error, SyntaxError, EOFError, LookupError, ValueError):
        # XML that is broken is a SyntaxError.
        raise CliError(f"{path}: is no Excel file that can be read; save it as CSV") from None
