"""The figures of how a TRM thinks: the recursion, and a Sudoku step by step; `python -m deploy.site.thinking` draws the second again."""

from pathlib import Path

import numpy as np

from deploy.site.drawing import BLUE, GREEN, arrow, box, figure, words
from trm.interface.effort import Effort
from trm.puzzles.drawing.picture import side_by_side, svg

PUZZLE = "1.....3........7.6.7..4..5...25...8..8.2.4...7...8.....2..5..61.4..2..7.9....6..."  # of the test split of sudoku-hard-all
SHOWN = (1, 2, 3, 5, 7, 8)
PICTURE = Path(__file__).parents[2] / "docs/images/thinking.svg"


def draw_recursion() -> str:
    """What one supervision step computes, and what goes around it."""
    parts = [
        f'<rect x="150" y="40" width="560" height="250" rx="12" fill="none" stroke="{BLUE}" stroke-dasharray="6 4"/>',
        words((430, 58), "recursion: 3 in a supervision step, the last with gradient", colour=BLUE),
        box((70, 110), (90, 46), "x", note="question"),
        box((70, 180), (90, 46), "y", note="answer so far"),
        box((70, 250), (90, 46), "z", note="reasoning"),
        arrow(((115, 110), (225, 150))), arrow(((115, 180), (225, 175))), arrow(((115, 250), (225, 200))),
        box((300, 175), (150, 84), "network", note="z <- f(x + y + z)"),
        arrow(((340, 133), (340, 100), (260, 100), (260, 133)), colour=GREEN), words((300, 86), "6 latent steps", colour=GREEN),
        arrow(((375, 175), (485, 175))), words((430, 162), "z"),
        box((560, 175), (150, 84), "same network", note="y <- f(y + z)"),
        arrow(((560, 217), (560, 262), (300, 262), (300, 217))), words((430, 276), "y and z begin the next recursion", size=12),
        arrow(((635, 155), (775, 110))), arrow(((635, 195), (775, 240))),
        box((840, 110), (130, 50), "answer", note="a symbol for each cell"),
        box((840, 240), (130, 50), "halt probability", note="is it right?"),
        arrow(((840, 265), (840, 330), (70, 330), (70, 273))),
        words((455, 346), "not yet sure: the next supervision step, up to 16, begins with y and z as they are", size=12),
    ]  # fmt: skip
    return figure(930, 365, "One supervision step of a Tiny Recursive Model", parts)


def draw_thinking() -> str:
    """A hard Sudoku after some supervision steps of the shipped model; its answers may differ by machine."""
    import trm

    solver = trm.load("sudoku", device="cpu")
    spec, question = solver.parse(PUZZLE)
    [solution] = solver.resize(spec).solve_tokens(question[None], Effort(max_steps=16), keep_trace=True)
    steps = solution.trace or ()
    before = [question, *(step.tokens for step in steps)]
    shown = [(n, steps[n - 1]) for n in SHOWN if n <= len(steps)]
    pictures = [svg(spec, step.tokens, question, before[n - 1]) for n, step in shown]
    captions = [f"step {n}: sure to {np.round(100 * step.halt_probability):.0f} %" for n, step in shown]
    return side_by_side(pictures, captions) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(draw_thinking())
