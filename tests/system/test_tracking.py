"""`assay evaluate --tracking` gives the reference implementation's figures."""
import json

import pytest

MOT15 = ["TUD-Campus", "TUD-Stadtmitte", "PETS09-S2L1", "KITTI-17", "Venice-2"]
MOT17 = ["MOT17-02-DPM", "MOT17-05-DPM", "MOT17-09-DPM"]
CASES = [("mot15_devkit_5seq", "mot15", s) for s in MOT15] + [("mot17_mpntrack_02_05_09", "mot17", s) for s in MOT17]
RATIOS = ["HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"]
COUNTS = {"IDSW": "IDSW", "FP": "CLR_FP", "FN": "CLR_FN", "TP": "CLR_TP", "MT": "MT", "PT": "PT", "ML": "ML",
          "Frag": "Frag"}
ROUNDED = 5.001e-9  # the stored figures have eight digits


def check(got, expected):
    for name in RATIOS:
        assert abs(got[name] - expected[name]) <= ROUNDED, name
    for name, theirs in COUNTS.items():
        assert got[name] == expected[theirs], name


@pytest.mark.parametrize("folder,rules,sequence", CASES, ids=[c[2] for c in CASES])
def test_sequences_equal_trackeval(assay, data, folder, rules, sequence):
    case = data / "tracking" / folder
    expected = json.loads((case / "expected.json").read_text())["trackeval"][sequence]
    done = assay.ok("evaluate", "--truth", case / "gt" / sequence / "gt.txt", "--detections",
                    case / "tracker" / f"{sequence}.txt", "--tracking", "--tracking-rules", rules, "--json", "-")
    tracking = json.loads(done.stdout)["tracking"]
    assert tracking["rules"] == rules
    check(tracking["overall"], expected)
    check(tracking["classes"][0], expected)
    alphas = tracking["overall"]["alphas"]
    for name in ("HOTA", "DetA", "AssA", "LocA"):
        assert all(abs(a - b) <= 1e-9 for a, b in zip(alphas[name], expected[name + "_per_alpha"], strict=True))


def test_bdd100k_video_equals_trackeval(assay, data):
    case = data / "detection/bdd100k_8videos"
    expected = json.loads((case / "expected_tracking_raw_videos.json").read_text())["trackeval"]
    for video in ("b1ca2e5d-84cf9134", "b1d7b3ac-afa57f22", "b1f25ff6-1ddb7e43"):
        done = assay.ok("evaluate", "--truth", case / "raw/gt" / f"{video}.json", "--detections",
                        case / "raw/qdtrack" / f"{video}.json", "--tracking-rules", "bdd100k", "--json", "-")
        tracking = json.loads(done.stdout)["tracking"]
        assert [s["name"] for s in tracking["sequences"]] == [video]
        for got in tracking["classes"]:
            if got["GT_Dets"] and got["TP"]:
                check(got, expected[video][got["label"]])
            elif not got["GT_Dets"]:
                assert got["HOTA"] is None and got["MOTA"] is None and got["IDF1"] is None


def test_without_track_ids_it_is_refused(assay, data, tmp_path):
    case = data / "tracking/pymotmetrics_tud/TUD-Campus"
    untracked = tmp_path / "untracked.txt"
    untracked.write_text("1,-1,10,10,20,40,1\n")
    message = assay.refuses("evaluate", "--truth", case / "gt.txt", "--detections", untracked, "--tracking")
    assert "no track ids" in message
    twice = tmp_path / "twice.txt"
    twice.write_text("3,8,10,10,20,40,1\n3,8,90,10,20,40,1\n")
    message = assay.refuses("evaluate", "--truth", case / "gt.txt", "--detections", twice, "--tracking")
    assert "picture 3" in message and "track id 8" in message


@pytest.mark.parametrize("folder,rules,sequences", [("mot15_devkit_5seq", "mot15", MOT15),
                                                    ("mot17_mpntrack_02_05_09", "mot17", MOT17)])
def test_folders_of_sequences(assay, data, folder, rules, sequences):
    case = data / "tracking" / folder
    expected = json.loads((case / "expected.json").read_text())["trackeval"]
    done = assay.ok("evaluate", "--truth", case / "gt", "--detections", case / "tracker", "--tracking-rules", rules,
                    "--json", "-")
    tracking = json.loads(done.stdout)["tracking"]
    assert [s["name"] for s in tracking["sequences"]] == sorted(sequences)
    for sequence in tracking["sequences"]:
        check(sequence, expected[sequence["name"]])
    assert tracking["overall"]["IDSW"] == sum(expected[s]["IDSW"] for s in sequences)


def test_bdd100k_folder_equals_trackeval(assay, data):
    case = data / "detection/bdd100k_8videos"
    expected = json.loads((case / "expected_tracking_raw_videos.json").read_text())["trackeval"]["COMBINED_SEQ"]
    done = assay.ok("evaluate", "--truth", case / "raw/gt", "--detections", case / "raw/qdtrack", "--tracking-rules",
                    "bdd100k", "--json", "-")
    tracking = json.loads(done.stdout)["tracking"]
    check(tracking["overall"], expected["cls_comb_det_av"])
    check(tracking["class_average"], expected["cls_comb_cls_av"])
    for group in tracking["groups"]:
        check(group, expected[group["label"]])
