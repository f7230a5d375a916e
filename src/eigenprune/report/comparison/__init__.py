"""Our curves beside the published ones, and a reader's own run beside the recorded one."""
