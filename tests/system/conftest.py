"""What the system tests share: the real program, the test data, a place to write."""
import os
import pathlib
import subprocess

import pytest
import sanitizer
from sanitizer import patient

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def pytest_addoption(parser):
    parser.addoption("--assay", default=str(ROOT / "build/src/app/assay"), help="the program under test")


def pytest_configure(config):
    sanitizer.begin(config.getoption("--assay"))


@pytest.fixture(scope="session", autouse=True)
def no_late_report():
    """What servers of modules say when they end."""
    yield
    said = sanitizer.reports()
    assert not said, said


@pytest.fixture(autouse=True)
def no_report():
    yield
    said = sanitizer.reports()
    assert not said, said


class Assay:
    """Runs the program; what it printed and how it ended come back as text."""

    def __init__(self, program):
        self.program = program

    def environment(self, more=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_") or k == "ASSAY_ONNXRUNTIME"}
        env.update(more or {})
        return env

    def run(self, *arguments, timeout=120, env=None, stdout=subprocess.PIPE, **options):
        done = subprocess.run([self.program, *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE,
                              text=True, timeout=patient(timeout), env=self.environment(env), **options)
        sanitizer.look(done.stderr or "")
        return done

    def start(self, *arguments, env=None, **options):
        return subprocess.Popen([self.program, *map(str, arguments)], env=self.environment(env), text=True, **options)

    def ok(self, *arguments, **options):
        done = self.run(*arguments, **options)
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stderr}"
        return done

    def refuses(self, *arguments, status=2, **options):
        """The error text of a command line that must end with *status* and say why."""
        done = self.run(*arguments, **options)
        assert status is None and done.returncode or done.returncode == status, f"{arguments}: exit {done.returncode}\n{done.stderr}"
        assert done.stderr.strip(), f"{arguments}: no message"
        return done.stderr


@pytest.fixture(scope="session")
def assay(request):
    program = request.config.getoption("--assay")
    assert os.access(program, os.X_OK), f"{program} is not built"
    return Assay(program)


@pytest.fixture(scope="session")
def data():
    folder = pathlib.Path(os.environ.get("ASSAY_TEST_DATA", ROOT.parent / "shared/data"))
    if not (folder / "MANIFEST.md").exists():
        pytest.skip("test data is absent")
    return folder
