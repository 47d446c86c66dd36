"""Starts a training again as several ranks, through torchrun's launcher."""

import ctypes
import os
import signal
import sys

import torch

from trm.config.run import RunConfig
from trm.errors import ConfigError, RankFailed

LAUNCHER = "TRM_RANKS_LAUNCHER"  # environment variable: its process id
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def rank_count(asked: int | None, config: RunConfig, device: torch.device) -> int:
    """How many ranks to train with: as many as asked for; else one for each processor core for a body that trains best so.

    A narrow network's products are too small to be shared by threads. Raises ConfigError when the slots cannot be shared.
    """
    count = asked
    if count is None:
        slots, cores = config.train.batch_size, torch.get_num_threads()
        suits = config.model.any_size and device.type == "cpu" and not config.model.update_noise
        count = max(n for n in range(1, cores + 1) if slots % n == 0) if suits else 1
    if config.train.batch_size % count:
        raise ConfigError(
            f"{count} ranks cannot share {config.train.batch_size} slots: change --ranks or train.batch_size."
        )
    return count


def is_rank() -> bool:
    """Whether this process is one of those that `launch` has started."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def end_with_launcher() -> None:
    """Have this rank be killed when its launcher is: it is in a session of its own, which no signal to the launcher's reaches."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return  # not Linux
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ[LAUNCHER]):
        os.kill(os.getpid(), signal.SIGKILL)  # it was killed before that


def launch(count: int, device: torch.device) -> None:
    """Run this very command as `count` ranks and wait for them; raises RankFailed when one of them is killed.

    A signal is passed on to all of them; where one ends with an error of its own, so does this process.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    if device.type == "cpu":  # each with its share of the threads
        os.environ["OMP_NUM_THREADS"] = str(max(1, torch.get_num_threads() // count))
    os.environ[LAUNCHER] = str(os.getpid())
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,  # who started the training decides what follows
        monitor_interval=0.1,
        local_addr="localhost",
    )
    try:
        elastic_launch(config, sys.executable)("-m", "trm", *sys.argv[1:])
    except SignalException:
        return  # the ranks have saved and said so
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode > 0:  # it has said why
            sys.exit(failure.exitcode)
        reason = f"Rank {rank} was killed by signal {-failure.exitcode}, and the training ended with it."
        raise RankFailed(f"{reason} Resume from the newest checkpoint.") from error
