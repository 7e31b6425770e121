"""Pictures that stand still: events or arrays to numbers, then numbers to a figure. Words come as arguments."""
