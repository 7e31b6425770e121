"""What can go wrong, as one small tree. Every message says what was expected, what came, what to do.

AeError
├── SpecError         the experiment that was described cannot be run (the description must change)
├── DataMissing       a dataset's files or package are not on this machine
├── DownloadFailed    the files of a dataset could not be fetched, or are not those that were expected
├── CheckpointError   a checkpoint does not belong to this run, or is damaged
├── ImportRefused     a file cannot become a dataset, or not as the reader wants it
├── ChildLost         a process of its own ran out of time or memory, or broke
├── LimitError        a limit of this installation refuses it (names the limit and how to raise it)
├── NotYours          only the owner of a run may do this
├── UnknownRun        there is no run with this id
├── UnknownGroup     there is no sweep or study with this id
├── CommandRefused    the run is in a state in which this command means nothing
├── FrameError        bytes that are not a frame of the live stream
└── Fenced            another attempt has taken this run over; the writer must stop at once
"""


class AeError(Exception):
    """A failure whose message is written for the person who sees it."""


class SpecError(AeError):
    """The description of the experiment cannot be run as it stands."""


class DataMissing(AeError):
    """A dataset is not on this machine; the message names the package or the folder that brings it."""


class DownloadFailed(AeError):
    """A download brought nothing, or something else than was expected; the message says which host and why."""


class ImportRefused(AeError):
    """A file cannot become a dataset; the message says what was found and what would do."""


class ChildLost(AeError):
    """A child process did not bring its work to an end."""


class CheckpointError(AeError):
    """The bytes are not a checkpoint of this run."""


class LimitError(AeError):
    """A limit of this installation refuses the request."""


class NotYours(AeError):
    """The run belongs to another browser."""


class UnknownRun(AeError):
    """No run has this id."""


class UnknownGroup(AeError):
    """No group of runs has this id."""


class CommandRefused(AeError):
    """The command means nothing in the run's present state."""


class FrameError(AeError):
    """The bytes are not a well-formed frame."""


class Fenced(AeError):
    """A newer attempt owns the run, so this writer's transaction was refused."""
