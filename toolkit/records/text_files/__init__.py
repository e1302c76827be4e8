"""Files of text: their bytes, their lines, and records that end at line ends."""
