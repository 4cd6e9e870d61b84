"""A program built with a sanitizer: its options, where its reports go, and how much longer than others it may take.

Which one is read from the program itself, so that `pytest tests/system --assay build-asan/src/app/assay` needs no more. A report fails
the test in which it came, also one of a child or of a server that was ending.
"""
import atexit
import ctypes
import math
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ADDR_NO_RANDOMIZE = 0x0040000

# what the program holds -> name, options, how much longer than others it may take
KINDS = {
    b"__asan_init": ("address", {
        "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0"}, 4),
    b"__tsan_init": ("thread", {
        "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp"}, 10),
}
LOGS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")

name = None # "address", "thread" or None
_slower = 1.0
_folder = None
_seen = [] # of standard errors
_read = {} # report: how much of it was told


def patient(seconds):
    """As many seconds as this build of the program may need for what others do in *seconds*. ASSAY_TEST_PATIENCE: a further factor."""
    return seconds * _slower * float(os.environ.get("ASSAY_TEST_PATIENCE", 1))


def memory(n_bytes):
    """A limit of memory as it holds for this build: none with a sanitizer, whose shadow, red zones and quarantine count as the program's."""
    return n_bytes if name is None else math.inf


def preload(program, library):
    """LD_PRELOAD for *library*: a sanitizer's own library must come before it."""
    linked = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return ":".join([*re.findall(r"=> (\S*/lib[at]san\.so\S*)", linked), str(library)])


def begin(program):
    """Before the first test."""
    global name, _slower, _folder
    program = pathlib.Path(program)
    held = program.read_bytes() if program.exists() else b""
    for mark, (kind, options, slower) in KINDS.items():
        if mark in held:
            name, _slower, _folder = kind, slower, pathlib.Path(tempfile.mkdtemp(prefix="assay-reports-"))
            atexit.register(shutil.rmtree, _folder, ignore_errors=True)
            for variable, value in options.items():
                value = os.environ.get(variable, value)
                if variable in LOGS:
                    value += f":log_path={_folder}/report"
                os.environ[variable] = value
    if name == "thread":
        # address randomisation of 32 bits is more than the thread sanitizer of gcc 12 knows; programs started from here inherit this
        ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)


def look(text):
    """At what a program said on its standard error: gcc's undefined sanitizer beside the address one knows no files."""
    if name and re.search("runtime error: |Sanitizer: ", text):
        _seen.append(text[-20000:])


def reports():
    """What was said since the last call. A confined child opens its file early, so most are empty."""
    said = _seen[:]
    _seen.clear()
    for file in sorted(_folder.iterdir()) if _folder else []:
        text = file.read_text(errors="replace")
        if len(text) > _read.get(file, 0):
            said.append(f"{file.name}:\n{text[_read.get(file, 0):]}")
            _read[file] = len(text)
    return "\n".join(said)
