"""Pictures that stand still: first events or arrays to numbers, then numbers to a Plotly figure. Words come as arguments."""
