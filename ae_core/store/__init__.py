"""The run store: runs, their events and pictures, and the commands for them, in SQLite or PostgreSQL.

    store = Store("sqlite:////home/me/lab.db")
    store.create()
    run = store.add_run(RunSpec(), owner="me")
    store.events_after(run, seq=0)

It is the only path between the web process, the engine's host and its workers. `tables` holds the schema, `records`
what is read and written, `store` the transactions, `keeping` what stays of a run, `admission` whether one more may
train, `probes` the transactions about questions, `groups` those about runs that belong together, `remarks` those about
what is written beside them.
"""

from ae_core.store.groups import Group, Groups, Member
from ae_core.store.records import (
    ACTIVE,
    OVER,
    STATUSES,
    Attempt,
    Command,
    EngineState,
    Head,
    Inquiry,
    Milestone,
    Probe,
    Publication,
    Run,
)
from ae_core.store.remarks import Remark, Remarks
from ae_core.store.store import Store

__all__ = [
    "ACTIVE",
    "OVER",
    "STATUSES",
    "Attempt",
    "Command",
    "EngineState",
    "Group",
    "Groups",
    "Head",
    "Inquiry",
    "Member",
    "Milestone",
    "Probe",
    "Publication",
    "Remark",
    "Remarks",
    "Run",
    "Store",
]
