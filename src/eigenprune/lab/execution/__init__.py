"""Carry runs out: tasks in the order of their dependencies, here or on many machines."""
