"""`assay evaluate` gives the reference tool's figures, digit for digit."""
import json
import resource

import pytest
import sanitizer

CASES = [
    # folder of detection/, truth file, options
    ("coco_val2014_fakebbox100", "gt.json", []),
    ("torchmetrics_map", "gt.json", []),
    ("fce_ignore_case", "gt.json", ["--confidence", "0.1"]),  # string picture ids
    ("fce_ignore_case", "gt_int_ids.json", ["--confidence", "0.1"]),
    ("sahi_coco_evaluate", "gt.json", []),
    ("bdd100k_8videos", "gt.json", []),
    ("mot17det_dpm_02_05", "gt.json", []),
]
SAME = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def close(got, wanted, tolerance=1e-9):
    """COCO prints -1 where there is no data; we say null."""
    return got is None if wanted == -1 else got is not None and abs(got - wanted) <= tolerance


@pytest.mark.parametrize("folder,truth,options", CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_figures_equal_pycocotools(assay, data, folder, truth, options):
    case = data / "detection" / folder
    expected = json.loads((case / "expected.json").read_text())
    done = assay.ok("evaluate", "--truth", case / truth, "--detections", case / "dt.json", "--json", "-", *options)
    got = json.loads(done.stdout)
    for name in SAME:
        assert close(got["coco"][name], expected["stats"][name]), f"{name}: {got['coco'][name]}"
    classes = {c["label"]: c for c in got["classes"]}
    for label, figures in expected.get("per_class", {}).items():
        for name in ("AP", "AP50", "AP75"):
            assert close(classes[label][name], figures[name]), f"{label} {name}"


@pytest.mark.parametrize("clip", ["vtest_PETS09-S2L1", "TUD-Campus_frames", "mmtracking_demo_MOT17-04"])
def test_reference_detections_of_real_video(assay, data, clip):
    case = data / "video_with_gt" / clip
    expected = json.loads((case / "expected.json").read_text())
    done = assay.ok("evaluate", "--truth", case / "gt.coco.json", "--detections", case / "ref_dets_yolox_nano.json",
                    "--classes", "person", "--json", "-")
    got = json.loads(done.stdout)
    for name in SAME:
        assert close(got["coco"][name], expected["stats"][name]), f"{name}: {got['coco'][name]}"


def test_refusals_name_the_file_and_the_cause(assay, data, tmp_path):
    truth = data / "detection/torchmetrics_map/gt.json"
    broken = tmp_path / "broken.json"
    broken.write_text('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 0.5}]')
    message = assay.refuses("evaluate", "--truth", truth, "--detections", broken)
    assert "broken.json" in message and "bbox" in message
    broken.write_text('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": NaN}]')
    assert "broken.json" in assay.refuses("evaluate", "--truth", truth, "--detections", broken)
    assert "absent.json" in assay.refuses("evaluate", "--truth", truth, "--detections", tmp_path / "absent.json")


def test_a_limit_names_the_file(assay, tmp_path):
    truth = tmp_path / "classes.json"
    truth.write_text(json.dumps({"images": [{"id": 1}], "annotations": [],
                                 "categories": [{"id": i, "name": f"c{i}"} for i in range(20001)]}))
    detections = tmp_path / "detections.json"
    detections.write_text("[]")
    message = assay.refuses("evaluate", "--truth", truth, "--detections", detections)
    assert "classes.json" in message and "20000 classes" in message


def test_no_data_gives_no_number(assay, tmp_path):
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"images": [{"id": 1, "width": 10, "height": 10}], "annotations": [],
                                 "categories": [{"id": 1, "name": "person"}]}))
    detections = tmp_path / "detections.json"
    detections.write_text("[]")
    got = json.loads(assay.ok("evaluate", "--truth", truth, "--detections", detections, "--json", "-").stdout)
    assert all(v is None for v in got["coco"].values())
    assert got["operating_point"]["precision"] is None and got["operating_point"]["recall"] is None


def test_classes_without_truth_cost_little(assay, tmp_path):
    truth, detections = tmp_path / "truth.json", tmp_path / "detections.json"
    truth.write_text(json.dumps({"images": [{"id": 1}], "categories": [{"id": i, "name": f"c{i}"} for i in range(19000)],
                                 "annotations": [{"id": 1, "image_id": 1, "category_id": 18000, "bbox": [0, 0, 9, 9], "area": 81}]}))
    detections.write_text('[{"image_id": 1, "category_id": 18000, "bbox": [0, 0, 9, 9], "score": 0.5}]')
    limit = resource.RLIM_INFINITY if sanitizer.name else 600 << 20  # a sanitizer's shadow is terabytes of addresses
    done = assay.ok("evaluate", "--truth", truth, "--detections", detections, "--json", "-",
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert json.loads(done.stdout)["coco"]["AP"] > 0.999
