"""Values that are dear to make, kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, Protocol, TypeVar
from weakref import WeakValueDictionary


class Weighed(Protocol):
    """Anything that knows how much memory it takes."""

    @property
    def nbytes(self) -> int: ...


Value = TypeVar("Value", bound=Weighed)


class Cache(Generic[Value]):
    """The values used last, up to a budget in bytes. One that was dropped and that somebody still holds is not made
    a second time.

    keeps_larger: whether the newest is kept although it alone weighs more than the budget.

    Safe for threads: a value that several ask for at once is made once, and the others wait for it without holding up
    those who ask for something else.
    """

    def __init__(self, budget: int, keeps_larger: bool = True) -> None:
        self.budget, self.keeps_larger = budget, keeps_larger
        self._lock = Lock()
        self._entries: OrderedDict[Hashable, Future[Value]] = OrderedDict()
        self._held: WeakValueDictionary[Hashable, Value] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of this key, made by `make` if it is not here. What `make` raises is raised, and not kept."""
        with self._lock:
            entry = self._entries.get(key)
            mine = entry is None
            if entry is None:
                entry = self._entries[key] = Future()
            self._entries.move_to_end(key)
        if mine:
            self._fill(key, entry, make)
        return entry.result()

    def _fill(self, key: Hashable, entry: Future[Value], make: Callable[[], Value]) -> None:
        try:
            with self._lock:
                value = self._held.get(key)
            if value is None:
                value = make()
            with self._lock:
                self._held[key] = value
            entry.set_result(value)
        except BaseException as error:  # everyone who waits must hear of it, whatever it is
            with self._lock:
                self._entries.pop(key, None)
            entry.set_exception(error)
            return
        with self._lock:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        ready = {key: entry.result().nbytes for key, entry in self._entries.items() if entry.done()}
        if not self.keeps_larger:
            for key in [key for key, weight in ready.items() if weight > self.budget]:
                del self._entries[key], ready[key]
        total = sum(ready.values())
        for key, weight in list(ready.items())[:-1]:
            if total <= self.budget:
                break
            del self._entries[key]
            total -= weight
