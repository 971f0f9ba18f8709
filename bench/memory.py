"""What processes take of the memory while something else goes on."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

_MIB = 2**20


@dataclass
class MemoryLog:
    """Resident memory in MiB of each named node's processes, looked at every few seconds.

    Resident memory counts what processes share in each of them, so it says rather too much.
    """

    nodes: Mapping[str, Sequence[psutil.Process]]
    samples: list[tuple[float, dict[str, list[float]]]] = field(default_factory=list)

    def look(self) -> None:
        """Takes one sample; a process that ends meanwhile is left out."""
        found: dict[str, list[float]] = {}
        for name, nodes in self.nodes.items():
            found[name] = []
            for one in [one for node in nodes for one in [node, *node.children(recursive=True)]]:
                with suppress(psutil.NoSuchProcess):
                    found[name].append(one.memory_info().rss / _MIB)
        self.samples.append((time.time(), found))

    def peaks(self) -> dict[str, int]:
        """The most that any one process of each node took."""
        return {
            name: round(max(size for _, found in self.samples for size in found[name]))
            for name in self.nodes
        }

    def mean(self, start: float, end: float) -> dict[str, float]:
        """The mean of each node's processes together, of the samples between two times."""
        chosen = [found for at, found in self.samples if start <= at < end]
        return {name: sum(sum(one[name]) for one in chosen) / len(chosen) for name in self.nodes}


@contextmanager
def watching(nodes: Mapping[str, Sequence[psutil.Process]], *, every: float) -> Iterator[MemoryLog]:
    """Samples for the block."""
    log, over = MemoryLog(nodes), threading.Event()

    def watch() -> None:
        while not over.wait(every):
            log.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield log
    finally:
        over.set()
        thread.join()
