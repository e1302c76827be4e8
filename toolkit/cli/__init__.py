"""The command line: it parses, calls a function, prints, and exits. One command per file."""
