"""The tables of an evaluation, which the terminal, the page and the JSON show."""
