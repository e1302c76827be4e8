"""The native core: one C file for hot loops, called through `ctypes`; Arrow is the fallback."""
