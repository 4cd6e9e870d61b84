"""assay backup and restore: a copy made while another process writes, put in place as a whole or not at all."""
import fcntl
import hashlib
import io
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time

import pytest
from server import Server

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KEY = "01J000000000000000000{:05d}"


def blob_path(data, key):
    return data / "blobs" / key[-2:] / key[-4:-2] / key


def make_data(data, n_blobs=3):
    """A data directory as a server leaves it: the schema, a project, some blobs."""
    data.mkdir(parents=True)
    db = sqlite3.connect(data / "assay.db")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TABLE schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
               "applied_at_us INTEGER NOT NULL) STRICT")
    for path in sorted((ROOT / "schema").glob("*.up.sql")):
        db.executescript(path.read_text())
        db.execute("INSERT INTO schema_migrations VALUES (?, ?, 0)", (int(path.name[:4]), path.name[5:-7]))
    for i in range(n_blobs):
        add_blob(db, data, i)
    db.commit()
    db.close()


def add_blob(db, data, i):
    body = os.urandom(100_000 + i)
    key = KEY.format(i)
    path = blob_path(data, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    db.execute("INSERT INTO projects VALUES (?, ?, NULL, 0, 0, 0)", (KEY.format(i), f"project {i}"))
    db.execute('INSERT INTO blobs ("key", sha256, n_bytes, created_at_us) VALUES (?, ?, ?, 0)',
               (key, hashlib.sha256(body).hexdigest(), len(body)))


def blobs_of(data):
    return {p.name: p.read_bytes() for p in (data / "blobs").glob("*/*/*")}


def projects_of(data):
    db = sqlite3.connect(data / "assay.db")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return {name for (name,) in db.execute("SELECT name FROM projects")}


def test_there_and_back(assay, tmp_path):
    make_data(tmp_path / "a")
    file = tmp_path / "all.tar"
    done = assay.ok("backup", file, "--data", tmp_path / "a")
    assert "3 files" in done.stderr
    with tarfile.open(file) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
    assert names[:2] == ["manifest.json", "assay.db"] and len(names) == 5
    assert manifest["blobs"] == 3 and manifest["bytes"] == 300_003 and manifest["missing"] == []
    assert manifest["schema"] == len(list((ROOT / "schema").glob("*.up.sql")))
    assay.ok("restore", file, "--data", tmp_path / "b" / "c")
    assert blobs_of(tmp_path / "b" / "c") == blobs_of(tmp_path / "a")
    assert projects_of(tmp_path / "b" / "c") == projects_of(tmp_path / "a")
    assert sorted(p.name for p in (tmp_path / "b" / "c").iterdir()) == ["assay.db", "blobs", "lock"]
    # through a pipe
    done = subprocess.run(f"'{assay.program}' backup - --data '{tmp_path}/a' | '{assay.program}' restore - "
                          f"--data '{tmp_path}/d'", shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert blobs_of(tmp_path / "d") == blobs_of(tmp_path / "a")


def test_how_a_model_runs_in_8_bits_comes_along(assay, tmp_path):
    make_data(tmp_path / "a")
    beside = {blob_path(tmp_path / "a", KEY.format(i)).with_suffix(".int8.json").relative_to(tmp_path / "a"): f'{{"made": {i}}}' for i in (0, 2)}
    for path, text in beside.items():
        (tmp_path / "a" / path).write_text(text)
    assert "3 files" in assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a").stderr
    assay.ok("restore", tmp_path / "x", "--data", tmp_path / "b")
    assert blobs_of(tmp_path / "b") == blobs_of(tmp_path / "a")
    assert {p: (tmp_path / "b" / p).read_text() for p in beside} == beside
    # one without its model, or one that is none of ours, is no backup
    for name in ("blobs/01J00000000000000000099999.int8.json", "blobs/.int8.json", "blobs/../x.int8.json"):
        with tarfile.open(tmp_path / "y", "w", format=tarfile.USTAR_FORMAT) as tar:
            tar.add(tmp_path / "a/assay.db", "assay.db")
            tar.add(tmp_path / "a" / next(iter(beside)), name)
        said = assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "c")
        assert "int8.json" in said or "blob" in said, said
        assert not (tmp_path / "c/assay.db").exists()


def test_data_that_is_there_stays_unless_asked(assay, tmp_path):
    make_data(tmp_path / "a")
    make_data(tmp_path / "b", 1)
    before = blobs_of(tmp_path / "b")
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    said = assay.refuses("restore", tmp_path / "x", "--data", tmp_path / "b")
    assert "--replace" in said and str(tmp_path / "b") in said
    assert blobs_of(tmp_path / "b") == before
    assay.ok("restore", tmp_path / "x", "--data", tmp_path / "b", "--replace")
    assert blobs_of(tmp_path / "b") == blobs_of(tmp_path / "a")


def test_refused_while_a_server_holds_the_data(assay, tmp_path):
    make_data(tmp_path / "a")
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    with open(tmp_path / "a" / "lock", "w") as lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = assay.refuses("restore", tmp_path / "x", "--data", tmp_path / "a", "--replace", status=3)
        assert f"process {os.getpid()}" in said
        assay.ok("backup", tmp_path / "y", "--data", tmp_path / "a")  # which is welcome
    assay.ok("restore", tmp_path / "y", "--data", tmp_path / "a", "--replace")


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import pathlib, sqlite3, test_backup
data = pathlib.Path(sys.argv[2])
db = sqlite3.connect(data / "assay.db")
db.execute("PRAGMA synchronous = NORMAL")
for i in range(100, 99999):
    test_backup.add_blob(db, data, i)
    db.commit()
    print(i, flush=True)
"""


def test_while_another_process_writes(assay, tmp_path):
    """What is in the copy is whole: each project has its blob, and those before the backup are all there."""
    make_data(tmp_path / "a")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(ROOT / "tests/system"), str(tmp_path / "a")],
                              stdout=subprocess.PIPE, text=True)
    try:
        last = None
        for round_ in range(3):
            for _ in range(10):
                last = int(writer.stdout.readline())
            assay.ok("backup", tmp_path / f"x{round_}", "--data", tmp_path / "a")
    finally:
        writer.kill()
        writer.wait()
    assay.ok("restore", tmp_path / "x2", "--data", tmp_path / "b")
    projects = projects_of(tmp_path / "b")
    assert {f"project {i}" for i in range(100, last + 1)} <= projects
    assert len(blobs_of(tmp_path / "b")) == len(projects)


@pytest.mark.parametrize("cut", [0, 100, 3000, 150_000, -1025])
def test_half_a_backup_is_refused(assay, tmp_path, cut):
    make_data(tmp_path / "a")
    make_data(tmp_path / "b", 1)
    before = blobs_of(tmp_path / "b")
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[:cut])
    said = assay.refuses("restore", tmp_path / "x", "--data", tmp_path / "b", "--replace")
    assert "cut short" in said
    assert blobs_of(tmp_path / "b") == before and projects_of(tmp_path / "b") == {"project 0"}
    assert not (tmp_path / "b" / "restore.part").exists()


def test_damaged_or_foreign_files_are_refused(assay, tmp_path):
    make_data(tmp_path / "a")
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    whole = bytearray((tmp_path / "x").read_bytes())
    whole[-2000] ^= 1  # within the last blob
    (tmp_path / "y").write_bytes(whole)
    assert "sha256" in assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "b")
    for at in (whole.index(b"project 2"), whole.index(b"SQLite format 3") + 30):  # within a row; where a page says what it is
        whole = bytearray((tmp_path / "x").read_bytes())
        whole[at] ^= 4
        (tmp_path / "y").write_bytes(whole)
        assert "assay.db is damaged" in assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "b")
    (tmp_path / "y").write_bytes(b"no archive" * 1000)
    assert "no archive" in assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "b")
    with tarfile.open(tmp_path / "y", "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(ROOT / "README.md", "README.md")
    assert "no part of a backup" in assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "b")
    with tarfile.open(tmp_path / "y", "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(ROOT / "README.md", "../../up")
    assert "leads out" in assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "b")
    assert not (tmp_path / "b" / "assay.db").exists()


def pack(file, source, names, manifest=None):
    """Some members of a backup as another one, the manifest with other words."""
    with tarfile.open(source) as whole, tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            body = whole.extractfile(name).read()
            if name == "manifest.json" and manifest is not None:
                body = manifest if isinstance(manifest, bytes) else json.dumps({**json.loads(body), **manifest}).encode()
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))


def test_a_backup_that_lost_files_is_refused(assay, tmp_path):
    """Whole members are gone: the archive itself is sound. What stands there already stays."""
    make_data(tmp_path / "a")
    make_data(tmp_path / "b", 1)
    before = blobs_of(tmp_path / "b")
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    with tarfile.open(tmp_path / "x") as tar:
        names = tar.getnames()
    first = "blobs/" + KEY.format(0)
    rows = [  # members, the manifest's changes, what is said
        ([n for n in names if n != first], None, f"incomplete: 1 of its 3 files are not in it, the first is blob '{KEY.format(0)}'"),
        (names[:2], None, "incomplete: 3 of its 3 files"),
        (names[1:], None, "no manifest.json"),
        (names[:1] + names[2:], None, "no assay.db"),
        (names, {"blobs": 4}, "its manifest says 4 files, and it has 3"),
        (names, {"blobs": -1}, "'blobs' is no count"),
        (names, {"missing": {}}, "'missing' is no array"),
        (names, {"missing": [KEY.format(2), KEY.format(1)]}, "not in the order"),
        (names, {"missing": ["x" * 99]}, "is no key of a file"),
        (names, {"database_sha256": None}, "'database_sha256' is no digest"),
        (names, b'{"blobs": 3, "missing": []}', "'database_sha256' is not there"),
        (names, b"{", "manifest.json"),
        (names, {"database_sha256": "0"}, "'database_sha256' is no digest"),
        (names, {"database_sha256": "0" * 64}, "assay.db is damaged"),
        (names[:1] + names, None, "two manifests"),
    ]
    for members, manifest, said in rows:
        pack(tmp_path / "y", tmp_path / "x", members, manifest)
        heard = assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "b", "--replace")
        assert said in heard and str(tmp_path / "y") in heard, (said, heard)
        assert blobs_of(tmp_path / "b") == before and projects_of(tmp_path / "b") == {"project 0"}
        assert not (tmp_path / "b" / "restore.part").exists()
    pack(tmp_path / "y", tmp_path / "x", names)
    assay.ok("restore", tmp_path / "y", "--data", tmp_path / "b", "--replace")
    assert blobs_of(tmp_path / "b") == blobs_of(tmp_path / "a")


def test_a_backup_of_an_earlier_version(assay, tmp_path):
    """Its manifest counts nothing: it is taken, and what cannot be told, or is not there, is said."""
    make_data(tmp_path / "a")
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    with tarfile.open(tmp_path / "x") as tar:
        names = tar.getnames()
    earlier = b'{"assay": "0.1.0", "schema": 1, "created_at_us": 1}'
    for n_lost in (0, 1):
        pack(tmp_path / "y", tmp_path / "x", names[:2] + names[2 + n_lost:], earlier)
        done = assay.ok("restore", tmp_path / "y", "--data", tmp_path / "b", "--replace")
        assert "made by an earlier version" in done.stderr
        assert (f"1 of 3 files are not in it, the first is '{KEY.format(0)}'" in done.stderr) == (n_lost == 1)
        assert len(blobs_of(tmp_path / "b")) == 3 - n_lost
    # damage is still damage
    blob_path(tmp_path / "b", KEY.format(1)).write_bytes(b"x")
    assay.ok("backup", tmp_path / "z", "--data", tmp_path / "b")
    pack(tmp_path / "y", tmp_path / "z", names[:2] + names[3:], earlier)
    assert "is damaged" in assay.refuses("restore", tmp_path / "y", "--data", tmp_path / "c")


def test_killed_at_any_moment(assay, tmp_path):
    """The old data or the new, never a mixture: also when the restore dies; the next one finishes it."""
    make_data(tmp_path / "a", 30)
    make_data(tmp_path / "b", 1)
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    old, new = projects_of(tmp_path / "b"), projects_of(tmp_path / "a")
    seen = set()
    for milliseconds in (1, 4, 10, 20, 40, 60):
        process = assay.start("restore", tmp_path / "x", "--data", tmp_path / "b", "--replace",
                              stderr=subprocess.DEVNULL)
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not (tmp_path / "b" / "restore.ready").exists():
            found = projects_of(tmp_path / "b")
            assert found in (old, new)
            seen.add(found == new)
    assay.ok("restore", tmp_path / "x", "--data", tmp_path / "b", "--replace")
    assert projects_of(tmp_path / "b") == new and blobs_of(tmp_path / "b") == blobs_of(tmp_path / "a")


def killed_when_there_is(pattern, folder, process):
    """Whether the process had made such a file before it ended."""
    while process.poll() is None and not list(folder.glob(pattern)):
        time.sleep(0.001)
    process.kill()
    process.wait()
    return bool(list(folder.glob(pattern)))


@pytest.mark.parametrize("next_is_server", [False, True])
def test_what_a_killed_one_left_goes(assay, tmp_path, next_is_server):
    """A copy of the database, half an archive's data: neither stays in the data for ever."""
    def names():
        return {p.name for p in (tmp_path / "a").iterdir()}

    make_data(tmp_path / "a", 30)
    assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    before = names() | {"lock", "parts", "temp"}
    restores_left = False
    for _ in range(5):
        process = assay.start("restore", tmp_path / "x", "--data", tmp_path / "a", "--replace", stderr=subprocess.DEVNULL)
        restores_left = killed_when_there_is("restore.part", tmp_path / "a", process) or restores_left
    for _ in range(5):
        process = assay.start("backup", tmp_path / "y", "--data", tmp_path / "a", stderr=subprocess.DEVNULL)
        killed_when_there_is("backup.*.db", tmp_path / "a", process)
    assert restores_left
    (tmp_path / "a" / "backup.4711.db").write_text("") # there is one whenever the others ended
    if next_is_server:
        with Server(assay, tmp_path / "a", "--workers", 0) as server:
            assert server.get("/health/ready").status == 200
            assert names() - {"control"} <= before
            # One that is under way is left alone.
            own = tmp_path / "a" / "backup.1.db"
            own.write_text("")
            with open(tmp_path / "a" / "hold") as hold:
                fcntl.flock(hold, fcntl.LOCK_SH)
                assay.ok("backup", tmp_path / "z", "--data", tmp_path / "a")
                assert own.exists()
    assay.ok("backup", tmp_path / "y", "--data", tmp_path / "a")
    assert not list((tmp_path / "a").glob("backup.*"))
    assay.ok("restore", tmp_path / "y", "--data", tmp_path / "a", "--replace")
    assert names() - {"hold"} <= before and len(blobs_of(tmp_path / "a")) == 30


def test_what_cannot_be_done_is_said(assay, tmp_path):
    make_data(tmp_path / "a")
    assert "no data of a server" in assay.refuses("backup", tmp_path / "x", "--data", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert "one FILE" in assay.refuses("backup", "--data", tmp_path / "a")
    assert "one FILE" in assay.refuses("restore", "a", "b", "--data", tmp_path / "a")
    assay.refuses("restore", tmp_path / "nothing", "--data", tmp_path / "c")
    (tmp_path / "a" / "restore.ready").mkdir()
    assert "a restore is not finished" in assay.refuses("backup", tmp_path / "x", "--data", tmp_path / "a", status=3)
    (tmp_path / "a" / "restore.ready").rmdir()
    before = projects_of(tmp_path / "a"), blobs_of(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "assay.db")
    for inside in ("a/assay.db", "a/blobs/x", "a/../a/new", "link"):
        assert "lies in the server's data" in assay.refuses("backup", tmp_path / inside, "--data", tmp_path / "a")
    assert "lies in the server's data" in assay.refuses("backup", "x", "--data", ".", cwd=tmp_path / "a")
    assert (projects_of(tmp_path / "a"), blobs_of(tmp_path / "a")) == before
    blob_path(tmp_path / "a", KEY.format(1)).unlink()
    done = assay.ok("backup", tmp_path / "x", "--data", tmp_path / "a")
    assert KEY.format(1) in done.stderr and "is not in the backup" in done.stderr
    with tarfile.open(tmp_path / "x") as tar:
        assert json.load(tar.extractfile("manifest.json"))["missing"] == [KEY.format(1)]
    done = assay.ok("restore", tmp_path / "x", "--data", tmp_path / "d")
    assert KEY.format(1) in done.stderr and "it was lost before" in done.stderr
    assert len(blobs_of(tmp_path / "d")) == 2
