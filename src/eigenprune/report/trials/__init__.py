"""What the chapters on trials show: compression, feature flow, modules, growing."""
