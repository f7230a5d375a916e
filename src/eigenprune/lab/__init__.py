"""Experiments: datasets, studies, runs, the store that keeps them and the executors."""
