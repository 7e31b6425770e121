"""The engine: runs are trained in worker processes; the store is the only path between them and the web."""
