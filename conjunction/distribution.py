"""Screening on a Dask cluster: an executor that sends a catalogue to the cluster once, and not with every task.

`screen` runs on any `concurrent.futures` executor, because its pieces of work are pure functions. This is the one for
a cluster; it needs the package `distributed` (extra ``cluster``), which is imported only here and only when used.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from conjunction.catalogue import Catalogue

# What must be of one version everywhere, or the same pieces of work would not have the same results, or none.
_OF_ONE_VERSION = ("ssa-hub", "numpy", "numba", "sgp4")


class DaskExecutor(Executor):
    """Runs what is submitted on the cluster of a `distributed.Client`, which stays the caller's to close.

    An argument that is a `Catalogue` is scattered to the workers the first time that it is met, a copy on each worker
    that is there then: one that goes takes no only copy with it, and one that comes later fetches from the others. A
    task whose worker dies is run again by Dask. The catalogues are given up with `shutdown` (leaving a ``with``).

        with Client("tcp://scheduler:8786") as client, DaskExecutor(client) as executor:
            screen("catalogue.tle", start="2026-03-10T00:00:00", days=7, executor=executor)
    """

    def __init__(self, client: Any) -> None:
        """``client`` is a `distributed.Client`.

        Raises TypeError for anything else, RuntimeError where a worker lacks this package or has other versions.
        """
        if not isinstance(client, _client_class()):
            raise TypeError(f"a distributed.Client is needed, not a {type(client).__qualname__}")
        self._client = client
        _require_the_same_versions(self._client)
        self._inner: Any = self._client.get_executor(pure=False)
        # By identity: a catalogue is never changed once it is built. The catalogue is held, so that its id stays its
        # own.
        self._scattered: dict[int, tuple[Catalogue, Any]] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run fn(*args, **kwargs) on a worker; cancelling the future cancels the task."""
        sent = [self._sent(argument) for argument in args]
        future: Future[Any] = self._inner.submit(
            fn, *sent, **{name: self._sent(argument) for name, argument in kwargs.items()}
        )
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and give up the catalogues on the cluster. ``wait`` for tasks that are running."""
        if cancel_futures:
            wait = False  # Dask's executor cancels what it does not wait for
        self._inner.shutdown(wait=wait)
        self._scattered.clear()

    def _sent(self, argument: Any) -> Any:
        """An argument as it goes with a task: for a catalogue, where on the cluster it is."""
        if not isinstance(argument, Catalogue):
            return argument
        if id(argument) not in self._scattered:
            place = self._client.scatter(argument, broadcast=True, hash=False)
            self._scattered[id(argument)] = (argument, place)
        return self._scattered[id(argument)][1]


def _client_class() -> Any:
    from distributed import Client

    return Client


def _require_the_same_versions(client: Any) -> None:
    versions = client.get_versions(packages=list(_OF_ONE_VERSION))
    here = versions["client"]["packages"]
    for worker, found in versions["workers"].items():
        for name in _OF_ONE_VERSION:
            there = found["packages"].get(name)
            if there != here[name]:
                raise RuntimeError(
                    f"the worker at {worker} has {name} {there or 'not at all'}, not {here[name]} as here"
                )
