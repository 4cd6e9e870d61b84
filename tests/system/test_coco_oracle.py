"""`assay evaluate` beside a second, independent reading of the COCO evaluation, on small random data sets.

The oracle below is written from the definition alone, as plainly as it goes: slow, no shared code, no shared order
of work. The data sets hold what goes wrong in practice: equal scores, crowds, sizes on and around the limits of the
area ranges, an `area` that is not width times height, classes and pictures without anything, category ids with holes,
detections of pictures and classes that the truth does not know, more than 100 detections of a picture, empty boxes.
"""
import json
import random

import pytest

# The doubles of numpy.linspace(): at equality the last bit decides, and the published figures come from these.
IOUS = [i * ((0.95 - 0.5) / 9) + 0.5 for i in range(9)] + [0.95]
RECALLS = [i * (1 / 100) for i in range(100)] + [1.0]
AREAS = {"": (0, 1e10), "s": (0, 32 ** 2), "m": (32 ** 2, 96 ** 2), "l": (96 ** 2, 1e10)}
N_CASES = 200
PARTS = 8


def overlap(d, t):
    (x, y, w, h), (u, v, p, q) = d["bbox"], t["bbox"]
    across = min(x + w, u + p) - max(x, u)
    down = min(y + h, v + q) - max(y, v)
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (w * h if t["iscrowd"] else w * h + p * q - both)


def judge(truths, detections, limits, threshold):
    """(score, matched) of every detection that counts, one picture and class, and how many truths count."""
    low, high = limits
    ignored = [bool(t["iscrowd"]) or not low <= t["area"] <= high for t in truths]
    taken = [False] * len(truths)
    out = []
    for d in detections:
        best, choice = min(threshold, 1 - 1e-10), None
        for wanted in (False, True):  # truths that count, then ignored ones
            if choice is not None:
                break
            for i, t in enumerate(truths):
                if ignored[i] == wanted and (not taken[i] or t["iscrowd"]) and overlap(d, t) >= best:
                    best, choice = overlap(d, t), i
        if choice is not None:
            taken[choice] = True
            out.append((d["score"], None if ignored[choice] else True))
        else:
            outside = not low <= d["bbox"][2] * d["bbox"][3] <= high
            out.append((d["score"], None if outside else False))
    return out, ignored.count(False)


def curve(judged, n_truths):
    """Precision at the 101 recalls and the highest recall; None without truth."""
    if n_truths == 0:
        return None
    judged = sorted(judged, key=lambda j: -j[0])  # stable: equal scores stay in the order of pictures
    hits = misses = 0
    points = []
    for _, matched in judged:
        hits += matched is True
        misses += matched is False
        points.append((hits / n_truths, hits / (hits + misses) if hits + misses else 0.0))
    best_after = 0.0
    envelope = []
    for recall, precision in reversed(points):
        best_after = max(best_after, precision)
        envelope.append((recall, best_after))
    envelope.reverse()
    at = [next((p for r, p in envelope if r >= wanted), 0.0) for wanted in RECALLS]
    return at, points[-1][0] if points else 0.0


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def oracle(truth, results):
    pictures = sorted({p["id"] for p in truth["images"]})
    classes = sorted({c["id"] for c in truth["categories"]})

    def curves(area, cut, threshold):
        for k in classes:
            judged, n_truths = [], 0
            for p in pictures:
                t = [a for a in truth["annotations"] if (a["image_id"], a["category_id"]) == (p, k)]
                d = [r for r in results if (r["image_id"], r["category_id"]) == (p, k)]
                d = sorted(d, key=lambda r: -r["score"])[:cut]
                more, n = judge(t, d, AREAS[area], threshold)
                judged += more
                n_truths += n
            yield curve(judged, n_truths)

    def ap(area, thresholds):
        return mean(p for t in thresholds for c in curves(area, 100, t) if c for p in c[0])

    def ar(area, cut):
        return mean(c[1] for t in IOUS for c in curves(area, cut, t) if c)

    return {"AP": ap("", IOUS), "AP50": ap("", [0.5]), "AP75": ap("", [0.75]),
            **{f"AP{a}": ap(a, IOUS) for a in "sml"},
            **{f"AR{n}": ar("", n) for n in (1, 10, 100)}, **{f"AR{a}": ar(a, 100) for a in "sml"}}


def random_box(r):
    side = [r.choice([r.uniform(2, 40), r.uniform(20, 140), 32, 96, 0]) if r.random() < 0.9 else 16 for _ in "wh"]
    return [round(r.uniform(-5, 200), 2), round(r.uniform(-5, 200), 2), round(side[0], 2), round(side[1], 2)]


def shaken(r, box):
    much = r.choice([0, 0.02, 0.1, 0.3])
    return [round(v + r.uniform(-much, much) * max(box[2], box[3]), r.choice([0, 3])) if i < 2 else
            max(0, round(v * (1 + r.uniform(-much, much)), 3)) for i, v in enumerate(box)]


def random_case(seed):
    r = random.Random(seed)
    ids = r.sample(range(0, 60), r.randint(1, 5))
    names = {i: f"frame {i:03}" if seed % 5 == 0 else i for i in ids}  # pictures named by texts
    classes = r.sample(range(1, 91), r.randint(1, 4))
    used = classes[:max(1, len(classes) - 1)]  # often one class stays empty
    annotations, results = [], []
    for i in ids:
        for _ in range(r.choice([0, 1, 3, 7])):
            box = random_box(r)
            crowd = int(r.random() < 0.15)
            area = box[2] * box[3] * r.choice([1, 1, 0.6])
            annotations.append({"id": len(annotations) + 1, "image_id": names[i], "category_id": r.choice(used),
                                "bbox": box, "area": area, "iscrowd": crowd})
        for _ in range(r.choice([0, 2, 9])):
            results.append({"bbox": random_box(r), "image_id": names[i], "category_id": r.choice(classes)})
    for a in annotations:
        for _ in range(r.choice([0, 1, 1, 2])):
            results.append({"bbox": shaken(r, a["bbox"]), "image_id": a["image_id"],
                            "category_id": a["category_id"] if r.random() < 0.9 else r.choice(classes)})
    if seed % 20 == 0 and annotations:  # more than are judged
        a = annotations[0]
        results += [{**a, "bbox": shaken(r, a["bbox"])} for _ in range(130)]
    digits = r.choice([1, 1, 2, 15])  # few digits: many equal scores
    results = [{"image_id": d["image_id"], "category_id": d["category_id"], "bbox": d["bbox"],
                "score": round(r.random(), digits) * r.choice([1, 1, 1, 7])} for d in results]
    r.shuffle(results)
    r.shuffle(annotations)
    strangers = [{"image_id": 777, "category_id": classes[0], "bbox": [0, 0, 9, 9], "score": 1},
                 {"image_id": names[ids[0]], "category_id": 99, "bbox": [0, 0, 9, 9], "score": 1}]
    truth = {"images": [{"id": names[i], "width": 200, "height": 200, "file_name": f"{i}.jpg"} for i in ids],
             "annotations": annotations, "categories": [{"id": k, "name": f"class {k}"} for k in classes]}
    r.shuffle(truth["images"])
    return truth, results + (strangers if seed % 3 == 0 else [])


@pytest.mark.parametrize("part", range(PARTS))
def test_random_data_sets(assay, tmp_path, part):
    truth_file, results_file = tmp_path / "truth.json", tmp_path / "results.json"
    n_numbers = 0
    for seed in range(part, N_CASES, PARTS):
        truth, results = random_case(seed)
        truth_file.write_text(json.dumps(truth))
        results_file.write_text(json.dumps(results))
        done = assay.ok("evaluate", "--truth", truth_file, "--detections", results_file, "--json", "-")
        got = json.loads(done.stdout)["coco"]
        for name, wanted in oracle(truth, results).items():
            if wanted is None:
                assert got[name] is None, f"seed {seed}, {name}: {got[name]}, not null"
            else:
                n_numbers += 0 < wanted < 1
                assert got[name] is not None and abs(got[name] - wanted) < 1e-9, \
                    f"seed {seed}, {name}: {got[name]}, not {wanted}"
    assert n_numbers > N_CASES / PARTS * 4  # the sets are not all trivial
