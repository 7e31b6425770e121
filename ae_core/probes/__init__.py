"""What can be asked of a run at one of its milestones, and the answers, each a frame.

`questions` says what can be asked, and is light; `answers` works it out, in a worker of the engine.
"""
