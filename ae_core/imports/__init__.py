"""People's own files become datasets: `door.understand` says what is in them, `door.make` makes the dataset.

Files are read by a child process with limits, with as little code as their kind needs; pages import `plan`, `door`.
"""
