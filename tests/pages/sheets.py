"""Reads a spreadsheet with openpyxl and prints its sheets as JSON: name to rows of cells, each cell [type, value].
Types are openpyxl's: `s` text, `n` number or nothing, `f` formula."""

import json
import sys
import openpyxl

book = openpyxl.load_workbook(sys.argv[1], read_only=False, data_only=False)
assert not book.vba_archive and not book.defined_names
sheets = {}
for sheet in book.worksheets:
    assert sheet.sheet_state == "visible", sheet.title
    sheets[sheet.title] = [[[cell.data_type, cell.value] for cell in row] for row in sheet.iter_rows()]
print(json.dumps({"created": book.properties.created.isoformat(), "sheets": sheets}))
