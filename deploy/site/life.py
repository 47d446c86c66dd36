"""The figures of a job's life: its states, and who speaks to whom in an attempt."""

from dataclasses import dataclass

from deploy.site.drawing import BLUE, GREEN, INK, RED, Point, arrow, box, dashes, figure, words
from services.registry.states import TRANSITIONS, JobStatus

BOX = (120, 46)
PLACES: dict[JobStatus, Point] = {
    JobStatus.PAUSED: (110, 150),
    JobStatus.QUEUED: (400, 150),
    JobStatus.RUNNING: (720, 150),
    JobStatus.CANCELLED: (400, 330),
    JobStatus.FAILED: (600, 330),
    JobStatus.SUCCEEDED: (790, 330),
}
COLOURS = {JobStatus.SUCCEEDED: GREEN, JobStatus.FAILED: RED, JobStatus.CANCELLED: RED}


@dataclass(frozen=True)
class Move:
    """An arrow between two states: its way, and what makes a job go it."""

    way: tuple[Point, ...]
    label: str
    at: Point
    anchor: str = "middle"


S = JobStatus
MOVES: dict[tuple[JobStatus, JobStatus], Move] = {
    (S.QUEUED, S.RUNNING): Move(((460, 140), (660, 140)), "a worker claims it", (560, 128)),
    (S.RUNNING, S.QUEUED): Move(((660, 162), (460, 162)), "worker lost, stopped, or a fault: again", (560, 176)),
    (S.QUEUED, S.PAUSED): Move(((340, 140), (170, 140)), "pause", (255, 128)),
    (S.PAUSED, S.QUEUED): Move(((170, 162), (340, 162)), "resume", (255, 176)),
    (S.RUNNING, S.PAUSED): Move(
        ((720, 127), (720, 62), (110, 62), (110, 127)), "pause: the worker saves first", (420, 50)
    ),
    (S.RUNNING, S.SUCCEEDED): Move(((760, 173), (790, 307)), "done", (795, 240), "start"),
    (S.RUNNING, S.FAILED): Move(((712, 173), (625, 307)), "no attempts left", (684, 240), "start"),
    (S.RUNNING, S.CANCELLED): Move(((675, 173), (448, 307)), "cancel", (594, 231), "start"),
    (S.QUEUED, S.CANCELLED): Move(((390, 173), (390, 307)), "cancel", (384, 226), "end"),
    (S.QUEUED, S.FAILED): Move(((440, 173), (560, 307)), "expired", (474, 200), "start"),
    (S.PAUSED, S.CANCELLED): Move(((110, 173), (110, 330), (340, 330)), "cancel", (120, 316), "start"),
    (S.CANCELLED, S.QUEUED): Move(((412, 307), (412, 173)), "retry", (418, 290), "start"),
    (S.FAILED, S.QUEUED): Move(
        ((600, 353), (600, 392), (40, 392), (40, 104), (380, 104), (380, 127)), "retry: fresh attempts", (300, 380)
    ),
}


def draw_life() -> str:
    """The states and every move of the table; a move that has no arrow here is an error."""
    known = {(before, after) for before, allowed in TRANSITIONS.items() for after in allowed}
    if known != MOVES.keys():
        raise ValueError(f"The figure and the table of moves differ: {known ^ MOVES.keys()}")
    parts = [arrow(move.way) + words(move.at, move.label, size=12, anchor=move.anchor) for move in MOVES.values()]
    parts += [box(at, BOX, status.value, colour=COLOURS.get(status, BLUE)) for status, at in PLACES.items()]
    return figure(880, 410, "The states of a job and the moves between them", parts)


LANES = {"client": 80, "gateway": 240, "Postgres": 420, "broker": 570, "worker": 720, "trainer": 880}
STEPS = (  # from, to, what
    ("client", "gateway", "POST /v1/training-jobs"),
    ("gateway", "Postgres", "row, queued; commit"),
    ("gateway", "client", "202, job and run"),
    ("gateway", "broker", "message: a job id"),
    ("broker", "worker", "wakes a worker"),
    ("worker", "Postgres", "claim: running, lease token"),
    ("worker", "trainer", "starts the child"),
    ("trainer", "worker", "events, line by line"),
    ("worker", "Postgres", "metrics, events, heartbeat: all with the token"),
    ("client", "gateway", "GET .../events"),
    ("Postgres", "gateway", "what is new"),
    ("gateway", "client", "event: progress"),
    ("trainer", "worker", "checkpoint, whole"),
    ("worker", "Postgres", "row of the checkpoint"),
    ("trainer", "worker", "finished"),
    ("worker", "Postgres", "succeeded; the lease ends"),
    ("gateway", "client", "event: done"),
)
TOP, ROW = 80, 34


def draw_attempt() -> str:
    """Who tells whom what, from the request to the end of a training that nothing disturbs."""
    bottom = TOP + ROW * (len(STEPS) + 1)
    parts = [dashes((x, 60), (x, bottom)) for x in LANES.values()]
    parts += [box((x, 38), (118, 40), name) for name, x in LANES.items()]
    for row, (sender, receiver, what) in enumerate(STEPS, start=1):
        x0, x1, y = LANES[sender], LANES[receiver], TOP + ROW * row
        middle = (x0 + x1) / 2
        answers = x1 < x0 and receiver in ("client", "gateway")
        parts.append(arrow(((x0, y), (x1, y)), colour=INK, dashed=answers) + _label((middle, y - 10), what))
    return figure(960, int(bottom + 20), "An attempt: who tells whom what, from the request to the end", parts)


def _label(at: Point, text: str) -> str:
    width = 6.2 * len(text) + 6
    paper = f'<rect x="{at[0] - width / 2:g}" y="{at[1] - 8:g}" width="{width:g}" height="15" fill="#ffffff" opacity="0.85"/>'
    return paper + words(at, text, size=12)
