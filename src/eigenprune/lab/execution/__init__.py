"""Carrying runs out: tasks in an order that respects what needs what, here or on many machines."""
