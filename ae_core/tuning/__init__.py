"""The automatic search: Optuna proposes experiments, the engine trains them, the run store remembers.

A study is a group of runs of kind `trial`. There is no other storage: Optuna's own study is made anew from the store
whenever it is needed, so the two cannot disagree and a killed process loses nothing.

`plan` says what is searched and for what, `space` which values a trial may have, `trials` reads trials out of the
store, `study` asks Optuna, `driver` keeps studies going inside the engine's host, `studies` is what pages call,
`charts` draws.
"""
