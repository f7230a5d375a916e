"""What the chapters on the arena show: who competes, who is best, and who fails a check."""
