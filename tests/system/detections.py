"""Reading of Assay's detections files, for the tests."""
import json
import pathlib


def read_lines(path):
    """Header, frames and summary (None where it is missing) of a .jsonl file."""
    return parse_lines(pathlib.Path(path).read_text())


def parse_lines(text):
    lines = [json.loads(line) for line in text.splitlines()]
    frames = [line for line in lines if line["type"] == "frame"]
    summary = lines[-1] if lines and lines[-1]["type"] == "summary" else None
    return lines[0], frames, summary


def sums_hold(summary):
    """Every decoded frame is accounted for."""
    f = summary["frames"]
    return f["decoded"] == f["inferred"] + f["skipped"] + f["dropped"] + f["failed"]
