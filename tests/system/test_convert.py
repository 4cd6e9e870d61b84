# SPDX-License-Identifier: Apache-2.0
"""assay convert, as a user runs it: formats into each other, and what is said of losses."""
import json
import pathlib

TRUTH = {
    "images": [{"id": 1, "file_name": "a b.jpg", "width": 64, "height": 48},
               {"id": 2, "file_name": "c.jpg", "width": 64, "height": 48}],
    "categories": [{"id": 7, "name": "=car"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 30, 40], "area": 1200,
                     "iscrowd": 0, "track_id": 5}],
}


def convert(assay, *arguments):
    return assay.run("convert", *arguments)


def boxes(path):
    document = json.loads(pathlib.Path(path).read_text())
    labels = {c["id"]: c["name"] for c in document["categories"]}
    return [(labels[a["category_id"]], a["bbox"]) for a in document["annotations"]]


def test_there_and_back(assay, tmp_path):
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(TRUTH))
    for name in ("voc", "labelme", "cvat", "bdd100k", "coco"):
        out, back = tmp_path / name, tmp_path / f"{name}.json"
        assert convert(assay, truth, out, "--to", name).returncode == 0
        assert convert(assay, out, back).returncode == 0
        assert boxes(back) == [("=car", [1, 2, 30, 40])], name


def test_losses_are_said(assay, tmp_path):
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(TRUTH))
    done = convert(assay, truth, tmp_path / "yolo", "--to", "yolo")
    assert done.returncode == 0
    assert "1 track ids are lost" in done.stderr
    assert (tmp_path / "yolo/labels/a b.txt").exists()
    done = convert(assay, truth, tmp_path / "out.csv")
    assert done.returncode == 0
    assert "'=car" in (tmp_path / "out.csv").read_text()
    assert "formula" in done.stderr


def test_wrong_calls(assay, tmp_path):
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(TRUTH))
    assert convert(assay, truth).returncode == 2
    done = convert(assay, truth, tmp_path / "out")
    assert done.returncode == 2 and "--to" in done.stderr
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").write_text("")
    done = convert(assay, truth, taken, "--to", "voc")
    assert done.returncode == 2 and "not an empty folder" in done.stderr
    assert [p.name for p in taken.iterdir()] == ["file"]
    assert not list(tmp_path.glob("*.part*"))
    bomb = tmp_path / "bomb.xml"
    bomb.write_text('<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>')
    done = convert(assay, bomb, tmp_path / "bomb.json")
    assert done.returncode == 2 and "entities" in done.stderr
