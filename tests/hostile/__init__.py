"""Model files of someone who means harm, or that a disk has damaged."""
