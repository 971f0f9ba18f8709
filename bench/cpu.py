"""What processes use of the cores."""

from collections.abc import Mapping, Sequence

import psutil

from bench.stage import Figures, servers

Groups = Mapping[str, Sequence[psutil.Process]]


class Meter:
    """CPU of groups of processes, their children and ended children included, from now on."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._before = self._now()

    def used(self) -> dict[str, float]:
        """Seconds of user and system time by group."""
        return {name: now - self._before[name] for name, now in self._now().items()}

    def for_each_of(self, count: int) -> Figures:
        """Milliseconds by group when that much work was done: `<group>_cpu_ms`."""
        return {
            f"{name}_cpu_ms": round(used / count * 1000, 3) for name, used in self.used().items()
        }

    def _now(self) -> dict[str, float]:
        return {name: sum(map(_seconds, nodes)) for name, nodes in self._groups.items()}


def server_groups() -> dict[str, list[psutil.Process]]:
    """PostgreSQL, Valkey and the simulator, each a group."""
    return {name: [process] for name, process in servers().items()}


def _seconds(node: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:4]) for one in [node, *node.children(recursive=True)])
