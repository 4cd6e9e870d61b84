"""What the review page is tested on: a clip whose pictures bear their own number, and sessions of any size, written
into the data directory of a server that is not running, in the form that the server itself writes (docs/FILES.md)."""
import random
import secrets
import sqlite3
import struct
import subprocess
import time

BITS = 12  # of the number in the picture: a row of blocks, bright for 1 (no white, as the mark is), and under it the same inverted
BLOCK = 40
WIDTH, HEIGHT = 640, 360
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TP, FP, FN = 1, 2, 3


def mark_at(n):
    """The left edge of the bright mark in picture *n*, which stands where marked_frames() says that something was missed."""
    return 10 + 2 * (n % 290)


def picture(n):
    rows = []
    for invert in (False, True):
        line = bytearray(b"\x60" * WIDTH)
        for bit in range(BITS):
            is_set = bool(n >> (BITS - 1 - bit) & 1) != invert
            start = 80 + bit * BLOCK
            line[start:start + BLOCK] = (b"\xb0" if is_set else b"\x10") * BLOCK
        rows.append(bytes(line) * BLOCK)
    grey = bytes((0x40 + (x * 7 + n * 3) % 64) for x in range(WIDTH))
    x = mark_at(n)
    marked = grey[:x] + b"\xff" * 30 + grey[x + 30:]
    return b"".join(rows) + grey * 60 + marked * 80 + grey * (HEIGHT - 2 * BLOCK - 140)


# What the pictures go through, and how the file says that they are to be turned.
SHAPES = {
    "even": {},
    "uneven": {"filter": "settb=1/90000,setpts=N*3600+mod(N*N*37\\,1700)", "options": ["-fps_mode", "vfr", "-enc_time_base", "1/90000"]},
    "large": {"filter": "scale=3840:2160:flags=neighbor", "unit": 6},
    "turned": {"filter": "transpose=cclock", "rotate": 90},
    "overhead": {"filter": "hflip,vflip", "rotate": 180},
    "portrait": {"filter": "pad=640:1136,transpose=clock", "rotate": 270, "height": 1136},
    "foreign": {"codec": ["-c:v", "mpeg4", "-q:v", "3", "-bf", "2", "-g", "30"], "ending": "avi"},
}


def clip(path, frames=300, shape="even"):
    """H.264 with B-frames, or what *shape* says; of a variable rate the distances are between 21 and 58 ms, no two alike in a row."""
    s = SHAPES[shape]
    path = path.with_suffix("." + s.get("ending", "mp4"))
    h264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-g", "48", "-bf", "3", "-pix_fmt", "yuv420p", "-video_track_timescale", "90000"]
    made = path.with_name("upside_" + path.name) if "rotate" in s else path
    encoder = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "-",
         *(["-vf", s["filter"]] if "filter" in s else []), *s.get("options", []), *s.get("codec", h264), made], stdin=subprocess.PIPE)
    for n in range(frames):
        encoder.stdin.write(picture(n))
    encoder.stdin.close()
    assert encoder.wait() == 0
    if made != path:
        turn(made, path, s["rotate"])
    return path


def turn(source, path, degrees):
    """The same streams; the display matrix of the video track (ISO 14496-12, tkhd) says that players turn it clockwise."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    body = bytearray(source.read_bytes())
    at = body.index(b"tkhd") + 4
    assert body[at] == 0, "a 64-bit tkhd"
    body[at + 40:at + 76] = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(body)


def new_id():
    return "01" + "".join(secrets.choice(ALPHABET) for _ in range(24))


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def zigzag(v):
    return v << 1 if v >= 0 else -v * 2 - 1


def block(frames, labels):
    """*frames*: (frame, pts_us, [row]); a row: (outcome, label, confidence, box, truth box, iou, track)."""
    rows = [r for _, _, of_frame in frames for r in of_frame]
    n = len(rows)

    def column(code, values):
        out = struct.pack(f"<{n}{code}", *values)
        return out + bytes(-len(out) % 8)

    body = b"".join(column("f", (r[3][k] for r in rows)) for k in range(4))
    body += column("f", (r[2] for r in rows))
    body += b"".join(column("f", (r[4][k] for r in rows)) for k in range(4))
    body += column("f", (r[5] for r in rows)) + column("i", (r[6] for r in rows))
    body += column("H", (r[1] for r in rows)) + column("B", (r[0] for r in rows))
    lines = bytearray()
    before = frames[0]
    for f in frames:
        lines += varint(f[0] - before[0]) + varint(zigzag(f[1] - before[1])) + varint(len(f[2]))
        before = f
    names = b"".join(struct.pack("<iB", i, len(l)) + l.encode() for i, l in enumerate(labels))
    body += lines + names
    size = (64 + len(body) + 7) // 8 * 8
    most = max((r[2] for r in rows), default=0)
    head = struct.pack("<8I3qfI", 0x31434241, size, 3, len(frames), n, len(labels), len(lines), len(names), frames[0][0], frames[0][1],
                       frames[-1][0], most, 0)
    return (head + body).ljust(size, b"\0"), most


def add_session(data, project, video, frames, labels, name="made", confidence=0.25):
    """A session that has ended, with its objects; gives its id. *frames* may be a generator."""
    db = sqlite3.connect(f"{data}/assay.db")
    session, set_id, now = new_id(), new_id(), int(time.time() * 1e6)
    db.execute("INSERT INTO sessions (id, project_id, name, source, status, model_name, settings_json, created_at_us, started_at_us, finished_at_us)"
               " VALUES (?, ?, ?, 'external', 'succeeded', 'made', '{}', ?, ?, ?)", (session, project, name, now, now, now))
    db.execute("INSERT INTO session_videos (session_id, video_id, position) VALUES (?, ?, 0)", (session, video))
    db.execute("INSERT INTO detection_sets VALUES (?, 'outcomes', ?, ?, NULL, ?, 0, 1, 0, 0, 0, 0, ?, ?, '{}', '{}')",
               (set_id, project, video, session, now, now))
    seq = n_frames = n_rows = n_bytes = 0
    held = []

    def write():
        nonlocal seq, n_frames, n_rows, n_bytes
        if not held:
            return
        body, most = block(held, labels)
        count = sum(len(f[2]) for f in held)
        db.execute("INSERT INTO detection_blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   (set_id, seq, held[0][0], held[-1][0], len(held), count, most, body))
        seq, n_frames, n_rows, n_bytes = seq + 1, n_frames + len(held), n_rows + count, n_bytes + len(body)
        held.clear()

    rows = 0
    for f in frames:
        held.append(f)
        rows += len(f[2])
        if rows >= 4096:
            write()
            rows = 0
    write()
    db.execute("UPDATE detection_sets SET n_blocks = ?, n_frames = ?, n_detections = ?, n_bytes = ? WHERE id = ?",
               (seq, n_frames, n_rows, n_bytes, set_id))
    db.commit()
    db.close()
    return session


def marked_frames(times, unit=1):
    """A miss and a find in each frame; where the miss stands tells the frame. *unit*: pixels of the video for one of picture()."""
    for n, pts in enumerate(times):
        x = mark_at(n)
        missed, truth, found = ([v * unit for v in box] for box in ((x, 140, 30, 80), (x, 252, 30, 60), (x, 250, 30, 60)))
        yield n, pts, [(FN, 0, 0, (0, 0, 0, 0), missed, 0, 1), (TP, 1, 0.9, found, truth, 0.9, 2)]


def many_frames(n_rows, n_frames, pts_step=40000):
    """Plain rows by the thousand, the same each time."""
    rng = random.Random(5)
    per = n_rows / n_frames
    made = 0
    for n in range(n_frames):
        rows = []
        while made < round((n + 1) * per):
            outcome = (TP, TP, TP, FP, FN)[made % 5] if rng.random() < 0.7 else TP
            w, h = rng.uniform(8, 90), rng.uniform(16, 120)
            x, y = rng.uniform(0, WIDTH - w), rng.uniform(0, HEIGHT - h)
            box, none = (x, y, w, h), (0, 0, 0, 0)
            rows.append((outcome, made % 7 % 3, 0 if outcome == FN else rng.uniform(0.25, 1), none if outcome == FN else box,
                         none if outcome == FP else box, 0.8 if outcome == TP else 0, 1 + (made % 40) + 40 * (n // 200)))
            made += 1
        yield n, n * pts_step, rows


def times_of(server, video):
    t = server.get(f"/api/v1/videos/{video}/times").json
    times = [t["first_pts_us"]]
    for step, count in zip(t["steps"][::2], t["steps"][1::2]):
        times += [times[-1] + step * (i + 1) for i in range(count)]
    return times
