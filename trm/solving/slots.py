"""Slots: a fixed number of chains, advanced together by one supervision step at a time.

The occupied slots are a prefix of the state tensors: newcomers are put behind them, and those who stay close the gaps. No tensor
is allocated between steps but what the network itself needs.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm.network.device import host_copy, on_device
from trm.network.layers import inner_width
from trm.network.model import StepOutput, TinyRecursiveModel
from trm.solving.carry import Carry
from trm.solving.guessing import FREE_ROUNDS, draw_guess
from trm.solving.tiles import map_tiles

Tokens = NDArray[np.int32]
# of the widest activation: what a step touches between two uses should stay in the processor's cache
TILE_BYTES = 8 << 20
DIVISIBLE = 256  # channels from which on a product of one puzzle is faster with more threads
MOST_SLOTS = 256
WARM_UP = 2  # steps: the first compiles, the second may choose kernels again


class NoiseSeed(NamedTuple):
    """What chains draw: those of the same seed and number draw the same noise and the same random start, whatever puzzle they
    think about and whatever other chains run beside them. A puzzle's answers depend only on the puzzle, the model, seed and noise."""

    seed: int = 0
    noise: float = 0.0  # deviation of what is added to z before every step
    restart: int = 0  # steps after which a chain begins again; never for 0
    guess: int = 0  # steps between two guesses; none for 0


class ChainOutputs(NamedTuple):
    """Results of one supervision step for the K active chains, in the order of their slots."""

    steps: NDArray[np.int64]  # (K,) supervision steps that each chain has had
    answers: Tokens  # (K, L)
    previous: Tokens  # (K, L) the answers of the step before; the questions at first
    unchanged: NDArray[np.int64]  # (K,) steps since the answer last changed
    halt_probability: NDArray[np.float32]  # (K,)

    def of(self, chosen: NDArray[np.int64]) -> "ChainOutputs":
        """Some of them, by their places (M,)."""
        steps, answers, previous, unchanged, probability = self
        return ChainOutputs(steps[chosen], answers[chosen], previous[chosen], unchanged[chosen], probability[chosen])


class CapturedStep(NamedTuple):
    """A step of the first slots as a CUDA graph, and where it leaves its results."""

    graph: torch.cuda.CUDAGraph
    answers: Tensor
    halt_probability: Tensor


class Slots:
    """State of up to `capacity` chains; see the module's docstring. One thread at a time."""

    @torch.inference_mode()
    def __init__(self, model: TinyRecursiveModel, capacity: int, dtype: torch.dtype) -> None:
        self.model, self.capacity, self.dtype = model, capacity, dtype
        self.device = model.embedding.device
        self.tile = tile_of(model, dtype)  # CPU only
        self.graphs: dict[int, CapturedStep] = {}  # by how many slots it advances; GPU only
        self.count = 0
        y, z = model.initial_state(1, dtype)
        self.y, self.z = (torch.empty(capacity, *state.shape[1:], dtype=dtype, device=self.device) for state in (y, z))
        cells = model.puzzle.cells
        self.inputs = torch.ones(capacity, cells, dtype=torch.int32, device=self.device)
        self.puzzle_rows = model.puzzle_rows(torch.zeros(capacity, dtype=torch.int64)).clone()
        self.numbers, self.seeds = (np.zeros(capacity, dtype=np.int64) for _ in range(2))
        self.noises = np.zeros(capacity)
        self.restarts, self.guesses = (np.zeros(capacity, dtype=np.int64) for _ in range(2))
        self.questions = self.inputs.clone()  # without guesses
        self.logits = torch.zeros(capacity, cells, model.puzzle.vocab_size, dtype=dtype, device=self.device)
        self.steps, self.unchanged = (np.zeros(capacity, dtype=np.int64) for _ in range(2))
        self.answers = np.zeros((capacity, cells), dtype=np.int32)  # the latest

    @property
    def free(self) -> int:
        """Slots without a chain."""
        return self.capacity - self.count

    @torch.inference_mode()
    def enter(
        self,
        questions: Tokens,
        puzzle_ids: NDArray[np.int64] | None = None,
        numbers: NDArray[np.int64] | None = None,
        noise_seed: NoiseSeed = NoiseSeed(),  # noqa: B008  immutable
        carry: Carry | None = None,
    ) -> None:
        """Put chains about questions `(N, L)` into free slots; puzzle ids and chain numbers `(N,)` are 0 unless given.

        With a carry they continue from where it was taken.
        """
        end = self.count + len(questions)
        if end > self.capacity:
            raise ValueError(f"{len(questions)} chains do not fit into {self.free} free slots")
        new, none = slice(self.count, end), np.zeros(len(questions), dtype=np.int64)
        self.numbers[new] = none if numbers is None else numbers
        self.seeds[new], self.noises[new], self.restarts[new], self.guesses[new] = noise_seed
        self.steps[new] = self.unchanged[new] = 0
        self.answers[new] = questions
        self.inputs[new] = self.questions[new] = on_device(torch.from_numpy(questions), self.device)
        if self.model.config.prefix_tokens:
            self.puzzle_rows[new] = self.model.puzzle_rows(torch.from_numpy(none if puzzle_ids is None else puzzle_ids))
        if carry is None:
            self.y[new], self.z[new] = self._make_starts(np.arange(new.start, new.stop))
        else:
            for tensor, saved in zip((self.y, self.z, self.inputs, self.logits), carry, strict=False):
                tensor[new] = saved.to(self.device, tensor.dtype)
            kept = (saved.numpy() for saved in (carry.answers, carry.steps, carry.unchanged))
            self.answers[new], self.steps[new], self.unchanged[new] = kept
        self.count = end

    def step(self) -> ChainOutputs:
        """One more supervision step of every chain."""
        return self.launch()()

    @torch.inference_mode()
    def launch(self) -> Callable[[], ChainOutputs]:
        """Begin a supervision step of every chain; what it brought is had, and waited for, by calling the result."""
        count = self.count
        self._restart(np.flatnonzero(self.restarts[:count]))
        self._guess(np.flatnonzero(self.guesses[:count]))
        noisy = np.flatnonzero(self.noises[:count])
        if len(noisy):
            self.z[torch.from_numpy(noisy)] += self._draw_noise(noisy)
        answers, probabilities = (host_copy(tensor[:count]) for tensor in self._think(count))
        return lambda: self._digest(count, answers().numpy(), probabilities().numpy())

    @torch.inference_mode()
    def copy_carry(self, places: NDArray[np.int64], halt_probability: NDArray[np.float32]) -> Carry:
        """The state of these chains (K,) after a step, whose halt probabilities (K,) it brought."""
        rows = torch.from_numpy(places).to(self.device)
        y, z, inputs, logits = (tensor[rows].cpu() for tensor in (self.y, self.z, self.inputs, self.logits))
        arrays = (self.answers[places], self.steps[places], self.unchanged[places], halt_probability)
        answers, steps, unchanged, probabilities = map(torch.from_numpy, arrays)
        return Carry(y, z, inputs, logits, answers, steps, unchanged, probabilities)

    def require_fit(self, carry: Carry) -> None:
        """Raise CarryInvalid for one that another model has left, or another size of puzzle."""
        carry.require_fit(self.copy_carry(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)))

    @torch.inference_mode()
    def keep(self, stays: NDArray[np.bool_]) -> None:
        """Let the other chains `(count,)` leave."""
        if stays.all():
            return
        kept = np.flatnonzero(stays)
        moved, end = kept[kept != np.arange(len(kept))], len(kept)  # a prefix stays where it is
        to = slice(end - len(moved), end)
        if len(moved):
            rows = on_device(torch.from_numpy(moved), self.device)
            for tensor in (self.y, self.z, self.inputs, self.questions, self.logits, self.puzzle_rows):
                tensor[to] = tensor[rows]
            for array in (
                self.numbers, self.seeds, self.noises, self.restarts, self.guesses, self.steps, self.unchanged, self.answers,
            ):  # fmt: skip
                array[to] = array[moved]
        self.count = end

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Run a step of every batch size that kernels are compiled for, on empty input; on a GPU capture each as a CUDA graph."""
        for size in self._list_sizes():
            for _ in range(WARM_UP):
                self.enter(np.ones((size, self.inputs.shape[1]), dtype=np.int32))
                self.step()
                self.keep(np.zeros(size, dtype=bool))
            if self.device.type == "cuda":
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    results = self._advance(slice(0, size))
                self.graphs[size] = CapturedStep(graph, *results)

    def _list_sizes(self) -> list[int]:
        """Batch sizes of steps: powers of two on a GPU, where a graph has one shape; any number up to a tile on a CPU."""
        if self.device.type == "cpu":
            threads = torch.get_num_threads()
            return sorted({min(size, self.capacity) for size in (1, 2, 2 * threads, self.tile * threads)})
        return sorted({min(1 << power, self.capacity) for power in range(self.capacity.bit_length() + 1)})

    def _think(self, count: int) -> tuple[Tensor, Tensor]:
        """Answers and halt probabilities of at least the first `count` slots."""
        captured = next((self.graphs[size] for size in self.graphs if size >= count), None)  # smallest first
        if captured is not None:
            captured.graph.replay()
            return captured.answers, captured.halt_probability
        if self.device.type == "cpu":
            tiles = map_tiles(self._advance, count, self.tile, wide=self.model.config.hidden_size >= DIVISIBLE)
        else:
            tiles = [self._advance(slice(count))]
        answers, probabilities = (torch.cat(part) for part in zip(*tiles, strict=True))
        return answers, probabilities

    @torch.inference_mode()
    def _advance(self, tile: slice) -> tuple[Tensor, Tensor]:
        output: StepOutput = self.model(self.inputs[tile], self.puzzle_rows[tile], self.y[tile], self.z[tile])
        if self.model.config.hypotheses > 1:
            output = output.pick(output.halt_logit.argmax(1))
        self.y[tile], self.z[tile], self.logits[tile] = output.y, output.z, output.logits
        return output.logits.argmax(-1).to(torch.int32), output.halt_logit.sigmoid().float()

    def _digest(self, count: int, answers: Tokens, probabilities: NDArray[np.float32]) -> ChainOutputs:
        previous = self.answers[:count].copy()
        same = (answers == previous).all(1)
        self.steps[:count] += 1
        self.unchanged[:count] = np.where(same, self.unchanged[:count] + 1, 0)
        self.answers[:count] = answers
        return ChainOutputs(self.steps[:count].copy(), answers, previous, self.unchanged[:count].copy(), probabilities)

    def _make_starts(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """First states of these slots (K,), which depend on how often each has begun again."""
        if not self.model.config.random_start:
            return self.model.initial_state(len(rows), self.dtype)
        keys = list(
            zip(self.seeds[rows].tolist(), self.numbers[rows].tolist(), self._count_rounds(rows).tolist(), strict=True)
        )
        starts = {key: self.model.initial_state(1, self.dtype, _make_generator(*key, 0)) for key in set(keys)}
        y, z = (torch.cat([starts[key][part] for key in keys]) for part in range(2))
        return y, z

    def _count_rounds(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of restarts of these chains."""
        rounds: NDArray[np.int64] = self.steps[rows] // np.maximum(self.restarts[rows], 1) * (self.restarts[rows] > 0)
        return rounds

    def _restart(self, rows: NDArray[np.int64]) -> None:
        """Begin again with those of these slots whose time is up."""
        due = rows[(self.steps[rows] > 0) & (self.steps[rows] % np.maximum(self.restarts[rows], 1) == 0)]
        if len(due):
            places = torch.from_numpy(due)
            self.y[places], self.z[places] = self._make_starts(due)
            self.inputs[places] = self.questions[places]

    def _guess(self, rows: NDArray[np.int64]) -> None:
        """Fill in a cell of each of these slots whose turn it is."""
        first = np.maximum(self.restarts[rows] // 4, 1)
        since = self.steps[rows] % self.restarts[rows] - first
        due = rows[(self._count_rounds(rows) >= FREE_ROUNDS) & (since >= 0) & (since % self.guesses[rows] == 0)]
        for row in due.tolist():
            [round_] = self._count_rounds(np.array([row]))
            generator = _make_generator(self.seeds[row], self.numbers[row], int(round_), self.steps[row])
            if (guess := draw_guess(self.logits[row].cpu(), self.inputs[row].cpu(), generator)) is not None:
                self.inputs[row, guess[0]] = guess[1]

    def _draw_noise(self, rows: NDArray[np.int64]) -> Tensor:
        arrays = (self.seeds[rows], self.numbers[rows], self.steps[rows] + 1, self.noises[rows])
        keys = list(zip(*(array.tolist() for array in arrays), strict=True))
        shape = self.z.shape[1:]
        drawn = {
            (seed, number, step, noise): noise * torch.randn(shape, generator=_make_generator(seed, number, 0, step))
            for seed, number, step, noise in set(keys)
        }
        return torch.stack([drawn[key] for key in keys]).to(self.device, self.dtype)


def tile_of(model: TinyRecursiveModel, dtype: torch.dtype) -> int:
    """Number of puzzles in a CPU tile, so that the widest activation fits TILE_BYTES; at least one."""
    size, config = model.config.hidden_size, model.config
    inner = round(config.expansion * size) if config.any_size else inner_width(size, config.expansion)
    across = 2 * size * inner_width(model.tokens, config.expansion) if config.mixer == "mlp" else 0
    widest = max(2 * inner * model.tokens, across) * dtype.itemsize * config.hypotheses
    return max(1, TILE_BYTES // widest)


def default_slots(model: TinyRecursiveModel, dtype: torch.dtype) -> int:
    """As many slots as keep the device busy: with more, new requests wait longer for a step."""
    if model.embedding.device.type != "cpu":
        return MOST_SLOTS
    return min(MOST_SLOTS, max(8, 2 * tile_of(model, dtype)))


def _make_generator(seed: int, number: int, round_: int, step: int) -> torch.Generator:
    """Made again for every chain number, start and step, so that nothing depends on who else is in the batch."""
    entropy = (seed, number, step, round_) if round_ else (seed, number, step)
    key = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(key) % 2**63)
